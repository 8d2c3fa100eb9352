use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use edgeorch_engines::Bytes;

use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_log_gets_a_line_at_the_start_and_one_at_the_end_however_often_bytes_arrive() {
    let paper = Paper::default();
    let lines = Lines::to(Box::new(paper.clone()));
    lines.started("weights.gguf", Some(Bytes::mib(4)));
    for done in 1..=4 {
        lines.advanced(Bytes::mib(done));
    }
    lines.finished();
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text, "weights.gguf: 4.0 MiB to go\nweights.gguf: done, 4.0 MiB\n");
}

#[test]
fn a_build_of_hundreds_of_steps_takes_a_line_for_each_tenth() {
    let paper = Paper::default();
    let lines = Lines::to(Box::new(paper.clone()));
    lines.note("there is none on PATH");
    lines.started("building", None);
    // cmake's own percentages go back where two targets are built at once.
    (0..=100).chain(95..=100).for_each(|percent| lines.reached(percent));
    lines.finished();
    lines.message("waiting");
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let tenths: String = (1..10).map(|tenth| format!("building: {tenth}0 %\n")).collect();
    let expected =
        format!("there is none on PATH\nbuilding: started\n{tenths}building: done in 0 s\nwaiting\n");
    assert_eq!(text, expected);
}

#[tokio::test]
async fn dropping_the_future_ends_the_blocking_work() {
    let (told, ended) = tokio::sync::oneshot::channel();
    let (began, begun) = tokio::sync::oneshot::channel();
    let work = metered(&Silent, move |meter| {
        let _ = began.send(());
        let mut done = 0;
        while meter.advanced(done).is_ok() {
            done += 1;
            std::thread::yield_now();
        }
        let _ = told.send(());
    });
    tokio::select! {
        () = work => panic!("the work ended by itself"),
        _ = begun => {}
    }
    ended.await.unwrap();
}
