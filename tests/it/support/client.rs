//! A client of the gateway: whole answers, and streams that are read piece by piece.

use serde_json::Value;

/// Posts `body` and gives status and answer.
pub async fn post(url: &str, body: &Value) -> (u16, Value) {
    let answer = send(url, body).await;
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}")))
}

/// Gets status and text.
pub async fn get(url: &str) -> (u16, String) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn send(url: &str, body: &Value) -> reqwest::Response {
    reqwest::Client::new().post(url).body(body.to_string()).send().await.unwrap()
}

/// An open event stream. Dropping it is a client that leaves.
pub struct Events {
    answer: reqwest::Response,
    text: String,
}

impl Events {
    pub async fn open(url: &str, body: &Value) -> Events {
        let answer = send(url, body).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Events { answer, text: String::new() }
    }

    /// Reads until `count` data events have come.
    pub async fn first(&mut self, count: usize) {
        while self.text.matches("\n\n").count() < count {
            let piece = self.answer.chunk().await.unwrap().expect("the stream ended early");
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// Reads to the end; a connection that breaks off ends it, too.
    pub async fn rest(mut self) -> Stream {
        while let Ok(Some(piece)) = self.answer.chunk().await {
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
        Stream(self.text)
    }
}

/// A stream that has ended.
#[derive(Debug)]
pub struct Stream(String);

impl Stream {
    /// It ends as OpenAI's streams end.
    pub fn is_done(&self) -> bool {
        self.0.ends_with("\n\ndata: [DONE]\n\n")
    }

    /// The data of each event but `[DONE]`; fails where one is no JSON.
    pub fn events(&self) -> Vec<Value> {
        let data =
            self.0.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("no JSON: {data}"))).collect()
    }

    pub fn error(&self) -> Option<Value> {
        self.events().into_iter().find(|event| event.get("error").is_some())
    }
}
