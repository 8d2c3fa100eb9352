//! How soon an engine that has become ready is routed to: two observers of their own ask the engine's `/health` and
//! the gateway's `/readyz` every millisecond, and the difference of their first 200 is the delay. With the fake
//! engine, whose proof costs next to nothing, that is the noticing alone; the real one's token is in it.

use std::thread;
use std::time::{Duration, Instant};

use crate::figures::{Series, heading};
use crate::lab::Lab;
use crate::up::Up;
use crate::{Failure, http, warm};

const ROUNDS: usize = 15;
const ASK: Duration = Duration::from_millis(1);

pub fn run() -> Result<(), Failure> {
    // The loading time changes from round to round, so that it never keeps step with the daemon's questions.
    let fake = (0..ROUNDS).map(|round| delay(&Lab::fake(&format!("load={}ms", 400 + 7 * round))?));
    let fake = fake.collect::<Result<Vec<f64>, Failure>>()?;
    let real = Lab::real()?;
    let real = (0..ROUNDS).map(|_| delay(&real)).collect::<Result<Vec<f64>, Failure>>()?;

    heading("Readiness noticed: engine's first /health 200 to gateway's first /readyz 200", ROUNDS);
    series(fake).print("fake engine", "target 50 ms");
    series(real).print("real engine, its first token included", "");
    Ok(())
}

fn series(samples: Vec<f64>) -> Series {
    let mut series = Series::default();
    samples.into_iter().for_each(|sample| series.push_millis(sample));
    series
}

/// Milliseconds.
fn delay(lab: &Lab) -> Result<f64, Failure> {
    let mut up = Up::start(lab)?;
    let gateway = lab.port;
    let routed = thread::spawn(move || first_200(gateway, "/readyz").0);
    let (_, pid) = up.until_started()?;
    let words = warm::read(pid, "cmdline")?;
    let port = words.iter().skip_while(|word| *word != "--port").nth(1).and_then(|port| port.to_str());
    let (loaded, asked) = first_200(port.ok_or("the engine has no --port")?.parse()?, "/health");
    if asked == 1 {
        return Err("the engine was loaded before the first look at it".into());
    }
    up.until("answers for")?;
    let routed = routed.join().map_err(|_| "the gateway's observer ended")?;
    up.stop()?;
    let since = |from: Instant, to: Instant| to.saturating_duration_since(from).as_secs_f64() * 1000.0;
    Ok(since(loaded, routed) - since(routed, loaded))
}

/// When the first 200 was here, and after how many questions.
fn first_200(port: u16, path: &str) -> (Instant, u32) {
    let mut asked = 0;
    loop {
        asked += 1;
        if http::get(port, path).ok() == Some(200) {
            return (Instant::now(), asked);
        }
        thread::sleep(ASK);
    }
}
