//! PHP behind the two servers that most of it runs behind: nginx with FPM, and Apache httpd with its module.
//!
//! Both serve `tests/real/store.php` and `tests/real/document.php`. Each keeps everything that it writes in a directory of its own, and runs as root or not.

use crate::support::nginx;
use crate::support::program::{Program, Scratch, repository};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian and Ubuntu keep the modules of Apache httpd.
pub(crate) const MODULES: &str = "/usr/lib/apache2/modules";

/// A running store of documents; dropped, its processes end.
pub(crate) struct Store {
    pub(crate) addr: SocketAddr,
    _server: Program,
    _pool: Option<Program>,
    scratch: Scratch,
}

impl Store {
    /// nginx, and FPM with eight children.
    pub(crate) fn nginx() -> Self {
        let scratch = store("store-nginx");
        let (pool, pool_addr) =
            Program::listen(&scratch.path().join("fpm.log"), |addr| fpm(&scratch, addr));
        let (server, addr) = Program::listen(&scratch.path().join("nginx.log"), |addr| {
            nginx::command(&scratch, &pages(&scratch, addr, pool_addr))
        });
        Self {
            addr,
            _server: server,
            _pool: Some(pool),
            scratch,
        }
    }

    /// Apache httpd with processes of its own, and PHP as its module.
    pub(crate) fn apache() -> Self {
        let scratch = store("store-apache");
        let (server, addr) = Program::listen(&scratch.path().join("httpd.log"), |addr| {
            let mut command = Command::new("apache2");
            // It ends by signalling its whole process group, which must not be the test's.
            command
                .process_group(0)
                .arg("-DFOREGROUND")
                .arg("-f")
                .arg(scratch.file("httpd.conf", &httpd(&scratch, addr)));
            command
        });
        Self {
            addr,
            _server: server,
            _pool: None,
            scratch,
        }
    }
}

impl Store {
    /// Whether a write of this document is at work.
    pub(crate) fn is_at_work(&self, document: &str) -> bool {
        self.mark(document, "at-work").exists()
    }

    /// Lets the write of this document that waits come to its end.
    pub(crate) fn go(&self, document: &str) {
        fs::write(self.mark(document, "go"), "").expect("a directory of ours");
    }

    fn mark(&self, document: &str, what: &str) -> PathBuf {
        let name = format!("documents/{document}.txt.{what}");
        self.scratch.path().join(name)
    }
}

/// A directory with the pages, and one for the documents that a server without privileges may write to.
fn store(name: &str) -> Scratch {
    let scratch = Scratch::new(name);
    for page in ["store.php", "document.php"] {
        let from = repository("tests/real").join(page);
        fs::copy(from, scratch.path().join(page)).expect("the store's page");
    }
    let documents = scratch.path().join("documents");
    fs::create_dir(&documents).expect("a directory for documents");
    fs::set_permissions(&documents, fs::Permissions::from_mode(0o777))
        .expect("a directory of ours");
    scratch
}

/// Whom Apache httpd becomes, where it may.
pub(crate) fn user() -> &'static str {
    if is_root() {
        "User www-data\nGroup www-data\n"
    } else {
        ""
    }
}

fn is_root() -> bool {
    let told = Command::new("id").arg("-u").output().expect("id is there");
    told.stdout.starts_with(b"0\n")
}

fn fpm(scratch: &Scratch, addr: SocketAddr) -> Command {
    let root = scratch.path().display();
    let user = if is_root() {
        "user = root\ngroup = root\n"
    } else {
        ""
    };
    let text = format!(
        "[global]
error_log = {root}/fpm-error.log
daemonize = no
[store]
{user}listen = {addr}
pm = static
pm.max_children = 8
env[STORE] = {root}/documents
"
    );
    let mut command = Command::new(newest("/usr/sbin", "php-fpm"));
    command
        .args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"])
        .arg(scratch.file("fpm.conf", &text));
    command
}

fn pages(scratch: &Scratch, addr: SocketAddr, fpm: SocketAddr) -> String {
    let root = scratch.path().display();
    format!(
        "    server {{
        listen {addr};
        location / {{
            fastcgi_pass {fpm};
            fastcgi_split_path_info ^(/[a-z]+\\.php)(/.*)$;
            fastcgi_param SCRIPT_FILENAME {root}$fastcgi_script_name;
            fastcgi_param PATH_INFO $fastcgi_path_info;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
        }}
    }}"
    )
}

fn httpd(scratch: &Scratch, addr: SocketAddr) -> String {
    let root = scratch.path().display();
    let modules = MODULES;
    let php = newest(modules, "libphp").display().to_string();
    let user = user();
    format!(
        "ServerRoot {root}
ServerName localhost
PidFile {root}/httpd.pid
Mutex file:{root} default
DefaultRuntimeDir {root}
ErrorLog {root}/httpd-error.log
{user}Listen {addr}
LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule env_module {modules}/mod_env.so
LoadModule php_module {php}
StartServers 8
MinSpareServers 8
DocumentRoot {root}
SetEnv STORE {root}/documents
<Directory {root}>
    AcceptPathInfo On
    <FilesMatch \\.php$>
        SetHandler application/x-httpd-php
    </FilesMatch>
</Directory>
"
    )
}

/// The file in `directory` whose name begins so; the last, where several versions are installed.
fn newest(directory: &str, prefix: &str) -> PathBuf {
    let entries = fs::read_dir(Path::new(directory))
        .unwrap_or_else(|fault| panic!("{directory}: {fault}; tests/run installs it"));
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let named = paths.filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    });
    named
        .max()
        .unwrap_or_else(|| panic!("there is no {directory}/{prefix}*; tests/run installs it"))
}
