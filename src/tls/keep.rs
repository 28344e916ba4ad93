//! What was made of files, made again when they change.
//!
//! Invariants:
//! - A change is heeded once the files have stayed the same from one look to the next: a certificate and its key are
//!   seldom replaced at once.
//! - What cannot be used is told once, and what was made before stays.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use super::material::MaterialError;

/// How often files are looked at: their contents, since one that is reached through a link changes without a trace of its
/// own, as a secret of Kubernetes does.
const LOOK: Duration = Duration::from_secs(2);

/// Files, and what can be made of them.
pub trait Material: Send + Sync + 'static {
    /// What is made.
    type Made: Send + Sync + 'static;

    /// All of them.
    fn files(&self) -> Vec<&Path>;

    /// Reads them.
    fn make(&self) -> Result<Self::Made, MaterialError>;
}

/// Files that were read once.
#[derive(Debug)]
pub struct Kept<M: Material> {
    material: M,
    first: Arc<M::Made>,
    seen: Seen,
}

/// What is made of the files as they are now.
#[derive(Debug)]
pub struct Current<T>(watch::Receiver<Arc<T>>);

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Current<T> {
    /// It, for as long as somebody has a use for it.
    pub fn now(&self) -> Arc<T> {
        Arc::clone(&self.0.borrow())
    }
}

impl<M: Material> Kept<M> {
    /// Reads the files.
    pub fn load(material: M) -> Result<Self, MaterialError> {
        // Looked at first: what changes while they are read is then a change.
        let seen = Seen::look(&material);
        let first = Arc::new(material.make()?);
        Ok(Self {
            material,
            first,
            seen,
        })
    }

    /// What is made of them from now on, and what has to run for that.
    pub fn follow(self: &Arc<Self>) -> (Current<M::Made>, impl Future<Output = ()> + use<M>) {
        let (publish, current) = watch::channel(Arc::clone(&self.first));
        let kept = Arc::clone(self);
        let following = async move {
            let mut ticks = interval(LOOK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let (mut heeded, mut before) = (kept.seen.clone(), kept.seen.clone());
            loop {
                ticks.tick().await;
                let Ok(seen) = off_the_runtime(&kept, |kept| Seen::look(&kept.material)).await
                else {
                    return;
                };
                if seen != heeded && seen == before {
                    heeded.clone_from(&seen);
                    match off_the_runtime(&kept, |kept| kept.material.make()).await {
                        Ok(made) => kept.heed(made, &publish),
                        Err(_) => return,
                    }
                }
                before = seen;
            }
        };
        (Current(current), following)
    }

    fn heed(&self, made: Result<M::Made, MaterialError>, publish: &watch::Sender<Arc<M::Made>>) {
        let files = self.material.files();
        let files: Vec<_> = files.iter().map(|file| file.display()).collect();
        match made {
            Ok(made) => {
                publish.send_replace(Arc::new(made));
                info!(
                    ?files,
                    "certificates have changed, and are used from now on"
                );
            }
            Err(error) => {
                let error = error.chain();
                error!(
                    error,
                    ?files,
                    "certificates have changed, and cannot be used: those from before stay in use"
                );
            }
        }
    }
}

/// Files may be far away. `Err` only while the process ends.
async fn off_the_runtime<M: Material, T: Send + 'static>(
    kept: &Arc<Kept<M>>,
    act: impl FnOnce(&Kept<M>) -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    let kept = Arc::clone(kept);
    spawn_blocking(move || act(&kept)).await
}

/// What the files held: a digest of each, or why it could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen(Vec<Result<u64, ErrorKind>>);

impl Seen {
    fn look<M: Material>(material: &M) -> Self {
        let digest = |path: &Path| {
            let text = std::fs::read(path).map_err(|error| error.kind())?;
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            Ok(hasher.finish())
        };
        Self(material.files().into_iter().map(digest).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::sync::Mutex;

    use tokio::time::sleep;

    /// Takes the text of its files for what is made of them, but "bad" for what is of no use.
    struct Texts {
        files: Vec<PathBuf>,
        attempts: Mutex<Vec<String>>,
    }

    impl Material for Texts {
        type Made = String;

        fn files(&self) -> Vec<&Path> {
            self.files.iter().map(PathBuf::as_path).collect()
        }

        fn make(&self) -> Result<String, MaterialError> {
            let texts = self.files.iter().map(std::fs::read_to_string);
            let text: String = texts.collect::<Result<_, _>>().unwrap_or_default();
            self.attempts.lock().unwrap().push(text.clone());
            if text.contains("bad") {
                let path = self.files[0].clone();
                return Err(MaterialError::NoCertificate { path });
            }
            Ok(text)
        }
    }

    /// A directory that goes with it.
    struct Place(PathBuf);

    impl Place {
        fn new() -> Self {
            let name = format!("writegate-{}-{:x}", std::process::id(), fastrand::u64(..));
            let directory = std::env::temp_dir().join(name);
            std::fs::create_dir(&directory).unwrap();
            Self(directory)
        }

        fn put(&self, name: &str, text: &str) {
            std::fs::write(self.0.join(name), text).unwrap();
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_is_made_again_once_it_stays_as_it_is_and_what_is_of_no_use_changes_nothing()
     {
        let place = Place::new();
        place.put("a", "a1");
        place.put("b", "b1");
        let files = ["a", "b"].map(|name| place.0.join(name)).to_vec();
        let attempts = Mutex::default();
        let kept = Arc::new(Kept::load(Texts { files, attempts }).unwrap());
        let (current, following) = kept.follow();
        tokio::spawn(following);
        let (a_look, some_looks) = (LOOK, LOOK * 5);
        let mut expected = vec!["a1b1"];
        sleep(some_looks).await;
        assert_eq!(*current.now(), "a1b1");
        // One after the other, at consecutive looks: never the one without the other.
        place.put("a", "a2");
        sleep(a_look).await;
        place.put("b", "b2");
        sleep(some_looks).await;
        expected.push("a2b2");
        assert_eq!(*current.now(), "a2b2");
        // Of no use: tried once.
        place.put("a", "bad");
        sleep(some_looks).await;
        expected.push("badb2");
        assert_eq!(*current.now(), "a2b2");
        // Gone, as between two writes.
        std::fs::remove_file(place.0.join("a")).unwrap();
        sleep(a_look).await;
        place.put("a", "a3");
        sleep(some_looks).await;
        expected.push("a3b2");
        assert_eq!(*current.now(), "a3b2");
        assert_eq!(*kept.material.attempts.lock().unwrap(), expected);
    }
}
