//! Ruby gems: `…/specifications/NAME-VERSION.gemspec`, the files in `…/gems/NAME-VERSION`.

use super::collect::text;
use crate::analyze::{Analyzer, Facts, PackageKind, PackageRecord, Relations};
use crate::layer::{Entry, Interest};

/// The stub comment that says name and version stands in the first lines.
const HEAD: usize = 16 << 10;

#[derive(Default)]
pub struct GemAnalyzer {
    head: Vec<u8>,
    record: Option<PackageRecord>,
}

impl GemAnalyzer {
    pub fn new() -> Self {
        Self::default()
    }
}

impl Analyzer for GemAnalyzer {
    fn id(&self) -> (&'static str, u32) {
        ("gem", 1)
    }

    fn begin(&mut self, number: u32, entry: &Entry) -> Interest {
        let Some(stem) = entry.path.name().strip_suffix(b".gemspec") else {
            return Interest::Skip;
        };
        if !entry.is_file() {
            return Interest::Skip;
        }
        // `specifications/default` holds the gems that come with Ruby itself: their files are spread
        // over its library, so they have no root.
        let Some(dir) = entry.path.parent() else {
            return Interest::Skip;
        };
        let default = dir.name() == b"default";
        let Some(specs) = (if default { dir.parent() } else { Some(dir) }) else {
            return Interest::Skip;
        };
        if specs.name() != b"specifications" {
            return Interest::Skip;
        }
        let dash = (1..stem.len()).find(|&i| stem[i - 1] == b'-' && stem[i].is_ascii_digit());
        let Some(dash) = dash else {
            return Interest::Skip;
        };
        self.head.clear();
        self.record = Some(PackageRecord {
            entry: number,
            kind: PackageKind::Gem,
            name: text(&stem[..dash - 1]),
            version: text(&stem[dash..]),
            architecture: None,
            source: None,
            declared_bytes: None,
            root: specs.parent().filter(|_| !default).map(|d| d.join(b"gems").join(stem)),
            relations: Relations::default(),
            ..PackageRecord::of(PackageKind::Gem)
        });
        Interest::Head(HEAD as u64)
    }

    fn chunk(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self, facts: &mut Facts) {
        let Some(mut record) = self.record.take() else {
            return;
        };
        // RubyGems' stub line: `# stub: NAME VERSION PLATFORM REQUIRE_PATHS`.
        let stub = self.head.split(|&b| b == b'\n').find_map(|l| l.strip_prefix(b"# stub: "));
        if let Some(stub) = stub {
            let stub = text(stub);
            let mut words = stub.split_ascii_whitespace();
            if let (Some(name), Some(version)) = (words.next(), words.next()) {
                record.name = name.to_owned();
                record.version = version.to_owned();
                record.architecture = words.next().filter(|p| *p != "ruby").map(str::to_owned);
            }
        }
        facts.packages.push(record);
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed;
    use super::*;
    use crate::layer::LayerPath;

    #[test]
    fn name_and_version_from_the_stub_else_from_the_file() {
        let path = "usr/lib/gems/3.1.0/specifications/net-http2-0.1-x86_64-linux.gemspec";
        let text = b"# -*- encoding: utf-8 -*-\n# stub: net-http2 0.1 x86_64-linux lib\n";
        for (bytes, version) in [(&text[..], "0.1"), (b"", "0.1-x86_64-linux")] {
            let facts = feed(&mut GemAnalyzer::new(), path, bytes, 4);
            let gem = &facts.packages[0];
            assert_eq!((gem.name.as_str(), gem.version.as_str()), ("net-http2", version));
            assert_eq!(
                gem.root,
                Some(LayerPath::from("usr/lib/gems/3.1.0/gems/net-http2-0.1-x86_64-linux"))
            );
        }
    }
}
