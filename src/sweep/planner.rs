//! From a target to what the store needs to know of it: repositories, tags, manifests, configs. Cheap: no
//! layer is read, a tag that has not moved costs one request without a body, a document is fetched once.

use super::documents::Documents;
use super::hosts::Hosts;
use super::kept_manifest;
use super::selection::Selection;
use super::store::{Gap, KnownTag, NewImage, Scope, Store, StoreError, now};
use super::{Stop, SweepError, SweepPlan, SweepProgress, Target};
use crate::analyze::secrets::{KnownSecrets, Masker};
use crate::oci::{Digest, Reference};
use crate::source::registry::{ListedPage, OddNames, RegistrySource, TagList};
use crate::source::resolve::{Root, descend};
use crate::source::{FoundImage, PlatformChoice, SourceError};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Threads that wait for manifests.
const ASKING: usize = 16;
/// Threads that wait for lists of tags.
const LISTING: usize = 4;
/// What waits between the two.
const QUEUE: usize = 512;

/// No layer is larger, whatever a manifest says: 1 TiB.
const LARGEST_LAYER: u64 = 1 << 40;

/// A repository whose tags are wanted.
struct Repository {
    id: i64,
    host: String,
    name: String,
}

/// A tag whose manifest is wanted.
struct Tag {
    repository: Arc<Repository>,
    /// As the store names it: a tag, or a digest.
    name: String,
}

pub(super) struct Planner<'a> {
    pub plan: &'a SweepPlan,
    pub store: &'a Store,
    pub hosts: &'a Hosts,
    pub documents: &'a Documents,
    pub run: i64,
    pub stop: &'a Stop,
    pub progress: &'a dyn SweepProgress,
    /// The first error that ends the sweep.
    fatal: Mutex<Option<SweepError>>,
    /// Takes secrets out of what registries say.
    masker: Mutex<Masker<'a>>,
}

impl<'a> Planner<'a> {
    pub fn new(
        plan: &'a SweepPlan,
        store: &'a Store,
        hosts: &'a Hosts,
        documents: &'a Documents,
        run: i64,
        stop: &'a Stop,
        progress: &'a dyn SweepProgress,
    ) -> Self {
        let masker = Mutex::new(Masker::new(&plan.inspect.patterns, KnownSecrets::default()));
        let fatal = Mutex::new(None);
        Self { plan, store, hosts, documents, run, stop, progress, fatal, masker }
    }

    fn masker(&self) -> MutexGuard<'_, Masker<'a>> {
        self.masker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn selection(&self) -> &Selection {
        &self.plan.selection
    }

    /// Looks at everything and marks what is chosen.
    pub fn plan(&self) -> Result<(), SweepError> {
        let (repositories, to_list) = bounded::<Repository>(QUEUE);
        let (tags, to_ask) = bounded::<Tag>(QUEUE);
        let found = std::thread::scope(|scope| {
            let named = || std::thread::Builder::new().name("plan".to_owned());
            for n in 0..ASKING {
                let to_ask = to_ask.clone();
                let spawned = named().spawn_scoped(scope, move || self.ask_all(&to_ask));
                if !self.is_given(n, spawned.err()) {
                    break;
                }
            }
            for n in 0..LISTING {
                let (to_list, tags) = (to_list.clone(), tags.clone());
                let spawned = named().spawn_scoped(scope, move || self.list_all(&to_list, &tags));
                if !self.is_given(n, spawned.err()) {
                    break;
                }
            }
            // What ends when nobody sends any more.
            drop((to_list, to_ask));
            let found = match &self.plan.target {
                Target::Registry { host, prefix } => {
                    self.find(host, prefix, &repositories).map(Some)
                }
                Target::References { references, .. } => {
                    self.name(references, &repositories, &tags).map(|()| None)
                }
            };
            drop((repositories, tags));
            found
        });
        if let Some(e) = self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(e);
        }
        let scope = found?;
        if self.stop.is_set() {
            return Ok(());
        }
        let prefix = match &self.plan.target {
            Target::Registry { prefix, .. } => prefix.as_str(),
            Target::References { .. } => "",
        };
        let selection = self.selection();
        let narrowed = selection.is_narrowed();
        let scope =
            scope.map(|(registry, complete)| Scope { registry, prefix, complete, narrowed });
        Ok(self.store.select(self.run, selection.policy(), selection.since, scope)?)
    }

    /// Whether another thread may be asked for; without any at all the sweep ends.
    fn is_given(&self, threads: usize, refused: Option<std::io::Error>) -> bool {
        let Some(e) = refused else { return true };
        if threads == 0 {
            self.fail(SweepError::Thread(e));
        }
        false
    }

    /// Keeps the first error and ends the others' work.
    fn fail(&self, e: impl Into<SweepError>) {
        let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
        fatal.get_or_insert(e.into());
    }

    fn is_over(&self) -> bool {
        self.stop.is_set() || self.fatal.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The registry's own list: its id here, and whether the list came to its end.
    fn find(
        &self,
        host: &str,
        prefix: &str,
        out: &Sender<Repository>,
    ) -> Result<(i64, bool), SweepError> {
        // Any name will do to reach the registry itself.
        let reference: Reference = format!("{host}/catalog").parse().map_err(SourceError::from)?;
        let registry_host = self.hosts.host(&reference)?;
        let registry = self.store.registry(host)?;
        let mut kept = Ok(());
        let mut met = false;
        let mut odd = OddNames::default();
        let mut each = |page: ListedPage| {
            met |= !page.odd.is_empty();
            odd.extend(page.odd);
            for name in page.names.into_iter().filter(|n| is_below(n, prefix)) {
                if self.is_over() {
                    return ControlFlow::Break(());
                }
                met = true;
                if !self.selection().wants_repository(&name) {
                    continue;
                }
                match self.found(registry, host, name) {
                    Ok(Some(repository)) => {
                        if out.send(repository).is_err() {
                            return ControlFlow::Break(());
                        }
                    }
                    Ok(None) => {}
                    Err(e) => {
                        kept = Err(e);
                        return ControlFlow::Break(());
                    }
                }
            }
            ControlFlow::Continue(())
        };
        let listed = registry_host
            .listing(host, prefix, &self.plan.listing)
            .and_then(|listing| listing.repositories(&mut each));
        kept?;
        if !odd.is_empty() {
            let place = self.plan.target.name();
            self.gap(&place, "the list of repositories", &odd.to_string(), true)?;
        }
        match listed {
            // An empty list is most often one that this login may not see: it proves nothing.
            Ok(()) if !met && !self.is_over() => {
                let place = self.plan.target.name();
                self.gap(&place, "the list of repositories", "it names no repository", true)?;
                Ok((registry, false))
            }
            Ok(()) => Ok((registry, !self.is_over())),
            Err(e) => {
                // What was listed before is still worth a look.
                self.gap(host, "the list of repositories", &e.to_string(), true)?;
                Ok((registry, false))
            }
        }
    }

    /// `None`: no reference can have this name.
    fn found(
        &self,
        registry: i64,
        host: &str,
        name: String,
    ) -> Result<Option<Repository>, StoreError> {
        if let Err(e) = format!("{host}/{name}").parse::<Reference>() {
            self.gap(&format!("{host}/{name}"), "the repository", &e.to_string(), false)?;
            return Ok(None);
        }
        let id = self.store.repository(self.run, registry, &name)?;
        self.progress.repository();
        Ok(Some(Repository { id, host: host.to_owned(), name }))
    }

    /// The references that the user names; one without tag or digest stands for `latest`, `:*` for all
    /// tags.
    fn name(
        &self,
        references: &[String],
        repositories: &Sender<Repository>,
        tags: &Sender<Tag>,
    ) -> Result<(), SweepError> {
        let mut known = std::collections::HashMap::new();
        for text in references {
            if self.is_over() {
                break;
            }
            let whole = text.strip_suffix(":*");
            let reference: Reference = match whole.unwrap_or(text).parse() {
                Ok(reference) => reference,
                Err(e) => {
                    self.gap(text, "the reference", &e.to_string(), true)?;
                    continue;
                }
            };
            if !self.selection().wants_repository(reference.repository()) {
                continue;
            }
            let key = (reference.registry().to_owned(), reference.repository().to_owned());
            let repository = match known.get(&key) {
                Some(r) => Arc::clone(r),
                None => {
                    let registry = self.store.registry(&key.0)?;
                    let Some(r) = self.found(registry, &key.0, key.1.clone())? else { continue };
                    let r = Arc::new(r);
                    known.insert(key, Arc::clone(&r));
                    r
                }
            };
            if whole.is_some() {
                let again = Repository {
                    id: repository.id,
                    host: repository.host.clone(),
                    name: repository.name.clone(),
                };
                let _ = repositories.send(again);
                continue;
            }
            let name = match (reference.digest(), reference.tag()) {
                (Some(d), _) => d.to_string(),
                (None, tag) => tag.unwrap_or("latest").to_owned(),
            };
            if tags.send(Tag { repository, name }).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn list_all(&self, repositories: &Receiver<Repository>, tags: &Sender<Tag>) {
        for repository in repositories {
            if self.is_over() {
                // Others may wait to send.
                continue;
            }
            if let Err(e) = self.list(repository, tags) {
                self.fail(e);
            }
        }
    }

    fn list(&self, repository: Repository, out: &Sender<Tag>) -> Result<(), SweepError> {
        let whole = format!("{}/{}", repository.host, repository.name);
        let source = match self.hosts.repository(&repository.host, &repository.name) {
            Ok(source) => source,
            Err(e) => return Ok(self.gap(&whole, "the repository", &e.to_string(), true)?),
        };
        let listed = matches!(self.plan.target, Target::Registry { .. });
        let tags = match source.tags() {
            Ok(tags) => tags,
            // A registry may keep the name of a repository whose tags are all gone.
            Err(e) if e.status() == Some(404) && listed => TagList::default(),
            Err(e) => return Ok(self.gap(&whole, "the tags", &e.to_string(), true)?),
        };
        if !tags.odd.is_empty() {
            self.gap(&whole, "the tags", &tags.odd.to_string(), true)?;
        }
        if let Some(e) = &tags.broken {
            // What was listed before is still worth a look.
            self.gap(&whole, "the other tags", &e.to_string(), true)?;
        }
        let wanted = self.selection().tags(&repository.name, tags.names);
        self.store.tags_listed(self.run, repository.id, &wanted)?;
        let repository = Arc::new(repository);
        for name in wanted {
            if self.is_over() || out.send(Tag { repository: repository.clone(), name }).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn ask_all(&self, tags: &Receiver<Tag>) {
        for tag in tags {
            if self.is_over() {
                continue;
            }
            if let Err(e) = self.ask(&tag) {
                self.fail(e);
            }
            self.progress.tag();
        }
    }

    /// One tag: nothing where it was asked lately, one request where it has not moved.
    fn ask(&self, tag: &Tag) -> Result<(), SweepError> {
        let Repository { id, host, name } = tag.repository.as_ref();
        let separator = if tag.name.contains(':') { '@' } else { ':' };
        let text = format!("{host}/{name}{separator}{}", tag.name);
        let reference: Reference = match text.parse() {
            Ok(reference) => reference,
            Err(e) => return Ok(self.gap(&text, "the tag", &e.to_string(), true)?),
        };
        let mut known = self.store.known_tag(*id, &tag.name)?;
        if let Some(digest) = reference.digest() {
            // A digest cannot move.
            known = Some(KnownTag { root: digest, checked: now() });
        }
        let known = match known {
            Some(k) if self.store.has_root(&k.root)? => Some(k),
            _ => None,
        };
        let fresh = |k: &KnownTag| {
            reference.digest().is_some()
                || self.plan.max_age.is_some_and(|age| now() - k.checked < age.as_secs() as i64)
        };
        if let Some(k) = known.as_ref().filter(|k| fresh(k)) {
            return Ok(self.store.tag_seen(self.run, *id, &tag.name, &k.root)?);
        }
        let source = match self.hosts.repository(host, name) {
            Ok(source) => source,
            Err(e) => return Ok(self.gap(&text, "the manifest", &e.to_string(), true)?),
        };
        let root = match source.root_of(&reference, known.as_ref().map(|k| &k.root)) {
            Ok(root) => root,
            Err(e) => return Ok(self.gap(&text, "the manifest", &e.to_string(), true)?),
        };
        let digest = match (root, known) {
            (None, Some(k)) => k.root,
            (None, None) => return Ok(()),
            (Some(root), _) => {
                let digest = reference.digest().unwrap_or_else(|| Digest::sha256(&root.raw));
                if !self.store.has_root(&digest)? {
                    self.look_into(&text, &source, digest, root)?;
                }
                digest
            }
        };
        Ok(self.store.tag_resolved(self.run, *id, &tag.name, &digest)?)
    }

    /// The images below a document that was not known.
    fn look_into(
        &self,
        text: &str,
        source: &Arc<RegistrySource>,
        digest: Digest,
        root: Root,
    ) -> Result<(), SweepError> {
        self.documents.put(&digest, &root.raw);
        let documents = self.documents.from(|| std::iter::once(Ok(Arc::clone(source))));
        let resolution = source.without_secrets(descend(root, &documents, &PlatformChoice::All));
        let resolution = match resolution {
            Ok(resolution) => resolution,
            Err(e) => {
                let failed = !e.is_no_image();
                return Ok(self.gap(text, "the image", &e.to_string(), failed)?);
            }
        };
        let mut gaps: Vec<(String, String)> = Vec::new();
        for unseen in resolution.unseen.into_iter().filter(|u| u.failed) {
            gaps.push((unseen.what, unseen.why));
        }
        let mut images = Vec::new();
        for found in &resolution.images {
            match new_image(found, &self.masker()) {
                Some(image) => images.push(image),
                None => gaps.push((
                    format!("image {}", found.platform),
                    "its layers' sizes cannot be true".to_owned(),
                )),
            }
        }
        for (what, why) in &gaps {
            self.gap(text, what, why, true)?;
        }
        Ok(self.store.put_images(&digest, &images, &gaps)?)
    }

    fn gap(&self, reference: &str, what: &str, why: &str, failed: bool) -> Result<(), StoreError> {
        let (reference, what, why) = {
            let masker = self.masker();
            (masker.mask_sure(reference), masker.mask_sentence(what), masker.mask_sentence(why))
        };
        self.store.gap(self.run, &Gap { reference, what, why, failed })
    }
}

/// A repository below a prefix of whole parts; an empty one has all.
fn is_below(name: &str, prefix: &str) -> bool {
    prefix.is_empty()
        || name == prefix
        || name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

/// `None` where sizes are claimed that would break every sum.
fn new_image(found: &FoundImage, masker: &Masker) -> Option<NewImage> {
    let layers = found.layers.iter().filter_map(|l| l.descriptor.as_ref());
    if layers.clone().any(|d| d.size > LARGEST_LAYER) {
        return None;
    }
    let created = found.config.created.as_deref();
    let raw = found.manifest_raw.as_deref();
    Some(NewImage {
        digest: found.digest?,
        platform: masker.mask_sure(&found.platform.to_string()),
        manifest: raw.and_then(|raw| kept_manifest::of(raw, &found.repeated, masker)),
        created: created.and_then(seconds),
        layers: layers
            .map(|d| (d.digest, d.size, masker.mask_sure(d.media_type.as_str())))
            .collect(),
    })
}

/// Seconds since 1970 of an RFC 3339 time.
pub(super) fn seconds(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}
