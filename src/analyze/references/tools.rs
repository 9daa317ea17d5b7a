//! Tools that applications start by name. A closed list: no other word of a program is kept.

const TOOLS: [&str; 84] = [
    "ab",
    "apt-get",
    "aws",
    "bash",
    "busybox",
    "cc",
    "chromium",
    "clamscan",
    "convert",
    "curl",
    "dig",
    "docker",
    "dot",
    "exiftool",
    "ffmpeg",
    "ffprobe",
    "file",
    "firefox",
    "flock",
    "g++",
    "gcc",
    "gcloud",
    "gdal_translate",
    "ghostscript",
    "gifsicle",
    "git",
    "gpg",
    "gs",
    "gunicorn",
    "gzip",
    "helm",
    "hg",
    "htop",
    "identify",
    "inkscape",
    "ip",
    "iptables",
    "java",
    "jpegoptim",
    "jq",
    "kubectl",
    "libreoffice",
    "lsof",
    "magick",
    "make",
    "mediainfo",
    "mkfifo",
    "mongo",
    "mysql",
    "mysqldump",
    "nc",
    "nginx",
    "node",
    "nslookup",
    "npm",
    "openssl",
    "optipng",
    "pandoc",
    "pdflatex",
    "pdftoppm",
    "pdftotext",
    "perl",
    "pg_dump",
    "php",
    "ping",
    "pngquant",
    "ps",
    "psql",
    "python3",
    "qpdf",
    "redis-cli",
    "rsync",
    "ruby",
    "scp",
    "soffice",
    "sox",
    "sqlite3",
    "ssh",
    "ssh-keygen",
    "svn",
    "tesseract",
    "unzip",
    "wget",
    "wkhtmltopdf",
];

/// The tools that a text names as the first word of a string: `["git", "clone"]`, `system("git clone …")`.
pub(super) fn named(text: &str) -> Vec<String> {
    let mut out: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '`']) {
        rest = &rest[at + 1..];
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "+_-".contains(c)))
            .unwrap_or(rest.len());
        let closes = rest[end..].starts_with(['"', '\'', '`', ' ']);
        if closes && let Some(tool) = TOOLS.iter().find(|t| **t == &rest[..end]) {
            out.push(tool);
        }
    }
    out.sort_unstable();
    out.dedup();
    out.into_iter().map(str::to_owned).collect()
}
