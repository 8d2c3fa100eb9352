//! What a wish is made of, as facts and as files: fetched where it is missing, or seen where it lies.

use std::path::{Path, PathBuf};

use edgeorch_engines::{Ask, Files, Model, Source, Speculation};

use super::{PrepareError, Workshop};
use crate::model::source::fetch;
use crate::model::store::{Entry, Store};
use crate::model::{adapter, draft, facts, hf, projector, remote};
use crate::profile::elements::PrivacyMode;
use crate::progress::Progress;
use crate::reconcile::{Wish, subjects};

/// A model's facts, where it lies or would lie, and its digest where it was hashed.
pub(super) struct Seen {
    pub model: Model,
    pub path: PathBuf,
    pub digest: Option<String>,
}

/// Facts of weights that are here.
fn read(path: &Path) -> Result<Model, PrepareError> {
    if path.is_dir() {
        return hf::read(path).map_err(|source| PrepareError::Folder { path: path.to_owned(), source });
    }
    facts::read(path).map_err(|source| PrepareError::Model { path: path.to_owned(), source })
}

impl Workshop<'_> {
    /// The file's place in the store, fetched if it is not here.
    pub async fn fetch(&self, source: &Source, progress: &dyn Progress) -> Result<Entry, PrepareError> {
        self.allowed_to_fetch(source)?;
        let store = Store::open(self.home.models())?;
        Ok(fetch(source, &store, progress).await?)
    }

    /// No socket is opened where the profile says airgap.
    pub(super) fn allowed_to_fetch(&self, source: &Source) -> Result<(), PrepareError> {
        let bars = self.privacy == PrivacyMode::Airgap && source.needs_network();
        if bars && Store::open(self.home.models())?.find(source).is_none() {
            return Err(PrepareError::Airgap { what: source.to_string() });
        }
        Ok(())
    }

    /// A model that is on this machine, fetched where it is not, and where it lies.
    pub(super) async fn here(&self, source: &Source, progress: &dyn Progress) -> Result<Seen, PrepareError> {
        // Folders are used where they lie: they are never copied into the store.
        if let Source::File { path } = source
            && path.is_dir()
        {
            return Ok(Seen { model: read(path)?, path: path.clone(), digest: None });
        }
        let entry = self.fetch(source, progress).await?;
        let digest = entry.digest.as_ref().map(ToString::to_string);
        Ok(Seen { model: read(&entry.path)?, path: entry.path, digest })
    }

    /// A model's facts, and where it lies or would lie: of what is on a server only the headers are read.
    pub(super) async fn seen(&self, source: &Source, progress: &dyn Progress) -> Result<Seen, PrepareError> {
        let by_range = matches!(source, Source::Https { .. } | Source::Hf { .. });
        if !by_range || Store::open(self.home.models())?.find(source).is_some() {
            return self.here(source, progress).await;
        }
        self.allowed_to_fetch(source)?;
        let model = remote::read(source).await.map_err(|source| PrepareError::Remote(Box::new(source)))?;
        Ok(Seen { model, path: self.home.models().join(subjects::short(source)), digest: None })
    }

    /// What is served beside the weights, as facts in the ask and as files.
    pub(super) async fn beside(
        &self,
        wish: &Wish,
        model: &Model,
        weights: PathBuf,
        progress: &dyn Progress,
    ) -> Result<(Ask, Files), PrepareError> {
        let (mut ask, mut files) = (wish.ask.clone(), Files { weights, ..Files::default() });
        if let Some(source) = &wish.beside.draft {
            let Seen { model: facts, path, .. } = self.here(source, progress).await?;
            draft::suits(&facts, model)
                .map_err(|source| PrepareError::Draft { path: path.clone(), source })?;
            ask.speculation = ask.speculation.map(|one| Speculation { draft: Some(Box::new(facts)), ..one });
            files.draft = Some(path);
        }
        if let Some(source) = &wish.beside.projector {
            let path = self.fetch(source, progress).await?.path;
            let facts = projector::read(&path);
            ask.projector =
                Some(facts.map_err(|source| PrepareError::Projector { path: path.clone(), source })?);
            files.projector = Some(path);
        }
        for (name, source) in &wish.beside.adapters {
            let path = self.fetch(source, progress).await?.path;
            let fail = |source| PrepareError::Adapter { path: path.clone(), source };
            let facts = adapter::read(&path, name).map_err(fail)?;
            adapter::suits(&facts, model).map_err(fail)?;
            ask.adapters.push(facts);
            files.adapters.push(path);
        }
        Ok((ask, files))
    }
}
