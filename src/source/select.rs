//! Which of several images in one place the user means.

use super::SourceError;
use crate::oci::{Digest, Reference};
use crate::text::Sanitized;
use std::fmt;
use std::str::FromStr;

/// What stands behind the path: `:name`, `:repo:tag`, `:@N`, `@sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// A tag or a whole `repo:tag`.
    Name(String),
    /// The place in the index or the manifest, from 0.
    Index(usize),
    /// The digest of a manifest.
    Digest(Digest),
}

impl FromStr for Selector {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let malformed = |why: &str| SourceError::Malformed {
            what: format!("image name `{}`", Sanitized::from(text)),
            why: why.to_owned(),
        };
        if let Some(behind) = text.strip_prefix('@') {
            if let Ok(n) = behind.parse() {
                return Ok(Self::Index(n));
            }
            return Ok(Self::Digest(behind.parse()?));
        }
        if let Some((_, digest)) = text.rsplit_once('@')
            && let Ok(digest) = digest.parse()
        {
            return Ok(Self::Digest(digest));
        }
        // The grammar of `org.opencontainers.image.ref.name` (annotations.md), which contains that
        // of references.
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._:@/+".contains(c);
        match text.chars().next() {
            None => Err(malformed("is empty")),
            Some(c) if !c.is_ascii_alphanumeric() && c != '_' => {
                Err(malformed("does not begin with a letter or a digit"))
            }
            Some(_) if text.len() > 512 => Err(malformed("is longer than 512 characters")),
            Some(_) if !text.chars().all(fits) => {
                Err(malformed("holds a character that no tag may have"))
            }
            Some(_) => Ok(Self::Name(text.to_owned())),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(n) => f.write_str(n),
            Self::Index(n) => write!(f, "@{n}"),
            Self::Digest(d) => write!(f, "@{d}"),
        }
    }
}

/// One image on offer.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Its names, the best one first.
    pub names: Vec<String>,
    /// The same for the same image under another name.
    pub identity: String,
    pub digest: Option<Digest>,
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Places in the list; more than one only where the images differ by nothing but their platform
    /// as far as names tell.
    pub picks: Vec<usize>,
    /// What to call it.
    pub name: Option<String>,
}

/// Chooses from what `what` holds.
pub fn choose(
    what: &str,
    offers: &[Offer],
    selector: Option<&Selector>,
) -> Result<Choice, SourceError> {
    let all = || (0..offers.len()).collect::<Vec<_>>();
    let by = |test: &dyn Fn(&Offer) -> bool| -> Vec<usize> {
        all().into_iter().filter(|&i| test(&offers[i])).collect()
    };
    let picks = match selector {
        None => all(),
        Some(Selector::Index(n)) => by_index(offers, *n),
        Some(Selector::Digest(d)) => by(&|o| o.digest == Some(*d)),
        Some(Selector::Name(wanted)) => {
            let exact = by(&|o| o.names.iter().any(|n| is_same(n, wanted)));
            if exact.is_empty() {
                by(&|o| o.names.iter().any(|n| is_short(n, wanted)))
            } else {
                exact
            }
        }
    };
    let Some(&first) = picks.first() else {
        if offers.is_empty() {
            return Err(SourceError::Empty { what: what.to_owned() });
        }
        let wanted = selector.map(ToString::to_string).unwrap_or_default();
        return Err(SourceError::NotFound {
            what: format!(
                "image `{}` in {what} (which has: {})",
                Sanitized::from(wanted.as_str()),
                labels(offers, &all()).join(", ")
            ),
        });
    };
    let identity = &offers[first].identity;
    if picks.iter().all(|&i| offers[i].identity == *identity) {
        let wanted_name = match selector {
            Some(Selector::Name(wanted)) => {
                picks.iter().flat_map(|&i| &offers[i].names).find(|n| is_same(n, wanted))
            }
            _ => None,
        };
        return Ok(Choice {
            picks: vec![first],
            name: wanted_name.or(offers[first].names.first()).cloned(),
        });
    }
    // Several images with the same names, or all without: a multi-platform set.
    if picks.iter().all(|&i| offers[i].names == offers[first].names) {
        return Ok(Choice { name: offers[first].names.first().cloned(), picks });
    }
    Err(SourceError::Ambiguous { what: what.to_owned(), names: labels(offers, &picks) })
}

fn by_index(offers: &[Offer], n: usize) -> Vec<usize> {
    if n < offers.len() { vec![n] } else { Vec::new() }
}

/// What the user may write behind the path to name each of these, for an error.
pub fn labels(offers: &[Offer], picks: &[usize]) -> Vec<String> {
    picks
        .iter()
        .filter_map(|&i| Some((i, offers.get(i)?)))
        .map(|(i, offer)| match offer.names.first() {
            Some(name) => Sanitized::from(name.as_str()).to_string(),
            None => format!("@{i}"),
        })
        .collect()
}

/// The same name, written out or not (`app:1`, `docker.io/library/app:1`).
pub fn is_same(name: &str, wanted: &str) -> bool {
    name == wanted
        || match (name.parse::<Reference>(), wanted.parse::<Reference>()) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        }
}

/// `wanted` is the tag of the name, or its end from a slash on.
fn is_short(name: &str, wanted: &str) -> bool {
    let tag = name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
    tag == Some(wanted) || name.strip_suffix(wanted).is_some_and(|head| head.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(names: &[&[&str]]) -> Vec<Offer> {
        names
            .iter()
            .enumerate()
            .map(|(i, names)| Offer {
                names: names.iter().map(|&n| n.to_owned()).collect(),
                identity: i.to_string(),
                digest: Some(Digest::sha256(&[i as u8])),
            })
            .collect()
    }

    fn pick(names: &[&[&str]], selector: &str) -> Result<Vec<usize>, SourceError> {
        let selector = (!selector.is_empty()).then(|| selector.parse().unwrap());
        choose("x.tar", &offers(names), selector.as_ref()).map(|c| c.picks)
    }

    #[test]
    fn names_select_exactly_before_shortly() {
        let two: &[&[&str]] = &[&["localhost/app:1", "old"], &["docker.io/library/app:2"]];
        for (selector, index) in [
            ("localhost/app:1", 0),
            ("1", 0),
            ("old", 0),
            ("app:1", 0),
            ("app:2", 1),
            ("2", 1),
            ("@1", 1),
        ] {
            assert_eq!(pick(two, selector).unwrap(), [index], "{selector}");
        }
        let digest = format!("@{}", Digest::sha256(&[1]));
        assert_eq!(pick(two, &digest).unwrap(), [1]);
        let e = pick(two, "3").unwrap_err().to_string();
        assert!(e.contains("localhost/app:1") && e.contains("`3`"), "{e}");
        assert!(pick(two, "@2").is_err());
    }

    #[test]
    fn several_names_are_ambiguous_but_one_image_with_two_tags_and_a_platform_set_are_not() {
        assert!(matches!(pick(&[&["a:1"], &["b:1"]], ""),
            Err(SourceError::Ambiguous { names, .. }) if names == ["a:1", "b:1"]));
        assert!(matches!(pick(&[&["a:1"], &["b:1"]], "1"),
            Err(SourceError::Ambiguous { names, .. }) if names == ["a:1", "b:1"]));
        assert_eq!(pick(&[&[], &[]], "").unwrap(), [0, 1]);
        assert_eq!(pick(&[&["a:1"], &["a:1"]], "1").unwrap(), [0, 1]);
        assert!(matches!(pick(&[&[], &["b"]], ""),
            Err(SourceError::Ambiguous { names, .. }) if names == ["@0", "b"]));
        let mut same = offers(&[&["a:1"], &["a:2"]]);
        same[1].identity = same[0].identity.clone();
        let choice = choose("x", &same, Some(&"a:2".parse().unwrap())).unwrap();
        assert_eq!((choice.picks, choice.name.as_deref()), (vec![1], Some("a:2")));
        assert!(choose("x", &[], None).is_err());
    }

    #[test]
    fn selectors_follow_their_grammar() {
        for bad in ["", ":1", "a b", "a\u{1b}[1m", "@x", "@sha256:12", "-a"] {
            assert!(bad.parse::<Selector>().is_err(), "{bad:?}");
        }
        assert_eq!("@3".parse::<Selector>().unwrap(), Selector::Index(3));
    }
}
