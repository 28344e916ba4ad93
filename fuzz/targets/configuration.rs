//! Any text is a configuration, or is told what is wrong with it; either way at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use writegate::config::{Config, ConfigError, Override, Overrides};

fuzz_target!(|text: &str| {
    let overrides = Overrides {
        upstream: Some(Override::flag("--upstream", "http://127.0.0.1:3000")),
        ..Overrides::default()
    };
    match Config::parse("fuzz.toml", text, &overrides) {
        Ok(config) => {
            assert!(!writegate::check::check(&config).is_empty());
        }
        Err(ConfigError::Wrong(report)) => {
            assert!(!report.drawn(false).is_empty());
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
        }
    }
});
