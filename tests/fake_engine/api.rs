//! llama-server's routes, as far as edgeorch uses them, in its own shapes.

use std::io;

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::http::{Connection, Request};
use crate::startup::hang;

const JSON: &str = "application/json; charset=utf-8";

pub fn answer(engine: &Engine, request: Request, client: &mut Connection) -> io::Result<()> {
    if request.path == "/fake/stats" {
        return client.send(200, JSON, &engine.stats().to_string());
    }
    let is_health = matches!(request.path.as_str(), "/health" | "/v1/health");
    if is_health && engine.faults.hang_health {
        hang();
    }
    let keys = &engine.flags.keys;
    if !is_health && !keys.is_empty() && !request.bearer.is_some_and(|bearer| keys.contains(&bearer)) {
        return refuse(client, 401, "authentication_error", "Invalid API Key");
    }
    if !engine.is_loaded() {
        return refuse(client, 503, "unavailable_error", "Loading model");
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", _) if is_health => client.send(200, JSON, &json!({"status": "ok"}).to_string()),
        ("GET", "/props") => client.send(200, JSON, &props(engine).to_string()),
        ("GET", "/v1/models" | "/models") => client.send(200, JSON, &models(engine).to_string()),
        ("GET", "/metrics") if engine.flags.metrics => {
            client.send(200, "text/plain; version=0.0.4", &engine.metrics())
        }
        ("GET", "/metrics") => refuse(
            client,
            501,
            "not_supported_error",
            "This server does not support metrics endpoint. Start it with `--metrics`",
        ),
        ("POST", "/v1/chat/completions" | "/v1/completions" | "/completion" | "/v1/embeddings") => {
            let Ok(body) = serde_json::from_slice(&request.body) else {
                return refuse(client, 400, "invalid_request_error", "the body is no JSON");
            };
            generate(engine, &request.path, &body, client)
        }
        _ => refuse(client, 404, "not_found_error", "File Not Found"),
    }
}

fn generate(engine: &Engine, path: &str, body: &Value, client: &mut Connection) -> io::Result<()> {
    if engine.faults.lie_health {
        return refuse(client, 500, "server_error", "Compute error.");
    }
    if path == "/v1/embeddings" {
        return embed(engine, body, client);
    }
    let answer = Answer {
        model: engine.flags.model_name(),
        is_chat: path == "/v1/chat/completions",
        count: ["max_tokens", "max_completion_tokens", "n_predict"]
            .iter()
            .find_map(|name| body[name].as_u64())
            .unwrap_or(engine.flags.predict),
    };
    engine.generation(|| {
        if body["stream"] == true {
            let with_usage = body["stream_options"]["include_usage"] == true;
            answer.stream(engine, with_usage, client)
        } else {
            answer.whole(engine, client)
        }
    })
}

/// One completion, of either kind.
struct Answer<'a> {
    model: &'a str,
    is_chat: bool,
    count: u64,
}

impl Answer<'_> {
    fn whole(&self, engine: &Engine, client: &mut Connection) -> io::Result<()> {
        let mut text = String::new();
        for index in 0..self.count {
            text += &self.token(engine, index, client)?;
        }
        let content = match self.is_chat {
            true => json!({"message": {"role": "assistant", "content": text}}),
            false => json!({"text": text, "logprobs": null}),
        };
        let mut body = self.body("chat.completion", "text_completion", content, json!("length"));
        body["usage"] = self.usage();
        client.send(200, JSON, &body.to_string())
    }

    fn stream(&self, engine: &Engine, with_usage: bool, client: &mut Connection) -> io::Result<()> {
        client.start_events()?;
        if self.is_chat {
            let role = json!({"delta": {"role": "assistant", "content": null}});
            client.send_event(&self.chunk(role, Value::Null).to_string())?;
        }
        for index in 0..self.count {
            let token = self.token(engine, index, client)?;
            let content = match self.is_chat {
                true => json!({"delta": {"content": token}}),
                false => json!({"text": token}),
            };
            client.send_event(&self.chunk(content, Value::Null).to_string())?;
        }
        let end = if self.is_chat { json!({"delta": {}}) } else { json!({"text": ""}) };
        client.send_event(&self.chunk(end, json!("length")).to_string())?;
        if with_usage {
            let mut usage = self.chunk(json!({}), Value::Null);
            usage["choices"] = json!([]);
            usage["usage"] = self.usage();
            client.send_event(&usage.to_string())?;
        }
        client.send_event("[DONE]")?;
        client.end_events()
    }

    /// An error once the client has left: then the engine stops working for it.
    fn token(&self, engine: &Engine, index: u64, client: &Connection) -> io::Result<String> {
        let token = engine.token(index);
        if client.is_abandoned() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(token) }
    }

    fn chunk(&self, content: Value, finish_reason: Value) -> Value {
        self.body("chat.completion.chunk", "text_completion", content, finish_reason)
    }

    fn body(&self, chat: &str, text: &str, content: Value, finish_reason: Value) -> Value {
        let mut choice = json!({"index": 0, "finish_reason": finish_reason});
        if let (Value::Object(choice), Value::Object(content)) = (&mut choice, content) {
            choice.extend(content);
        }
        json!({
            "id": "chatcmpl-fake",
            "object": if self.is_chat { chat } else { text },
            "created": 1_700_000_000,
            "model": self.model,
            "choices": [choice],
        })
    }

    /// The prompt counts as one token.
    fn usage(&self) -> Value {
        json!({"prompt_tokens": 1, "completion_tokens": self.count, "total_tokens": self.count + 1})
    }
}

fn embed(engine: &Engine, body: &Value, client: &mut Connection) -> io::Result<()> {
    if !engine.flags.embeddings {
        let message = "This server does not support embeddings. Start it with `--embeddings`";
        return refuse(client, 501, "not_supported_error", message);
    }
    let inputs = body["input"].as_array().map_or(1, Vec::len);
    let data: Vec<Value> = (0..inputs)
        .map(|index| json!({"object": "embedding", "index": index, "embedding": [0.6, 0.8]}))
        .collect();
    let usage = json!({"prompt_tokens": inputs, "total_tokens": inputs});
    let list = json!({"object": "list", "model": engine.flags.model_name(), "data": data, "usage": usage});
    engine.generation(|| client.send(200, JSON, &list.to_string()))
}

fn props(engine: &Engine) -> Value {
    let flags = &engine.flags;
    json!({
        "default_generation_settings": {"n_ctx": flags.context_size / flags.parallel.max(1)},
        "total_slots": flags.parallel,
        "model_alias": flags.model_name(),
        "model_path": flags.model,
        "is_sleeping": false,
    })
}

fn models(engine: &Engine) -> Value {
    let model = json!({
        "id": engine.flags.model_name(),
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "llamacpp",
    });
    json!({"object": "list", "data": [model]})
}

fn refuse(client: &mut Connection, status: u16, kind: &str, message: &str) -> io::Result<()> {
    let error = json!({"error": {"message": message, "type": kind, "code": status}});
    client.send(status, JSON, &error.to_string())
}
