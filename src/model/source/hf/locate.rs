//! Which files of a repository a source means, where they are had and what they must contain.

use reqwest::Url;

use super::choose::Variant;
use super::{ChoiceError, Hub, HubError, Listed, Repo, choose, folder};
use crate::model::source::FetchError;
use crate::model::store::Digest;
use edgeorch_engines::split;

/// Files of one model; as many as are read.
const MAX_PARTS: usize = split::MAX_PARTS as usize;

/// Of a file's name: file systems allow 255 bytes.
const MAX_NAME: usize = 255;

/// Which kinds of models are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model::source) enum Form {
    /// What engines read that take one file, or parts of which the first is named.
    Gguf,
    /// Folders of safetensors too.
    Any,
}

/// One file that is to be fetched.
#[derive(Debug)]
pub(in crate::model::source) struct Wanted {
    pub url: Url,
    /// Its name in the model's folder.
    pub name: String,
    /// Unknown of small files, which the hub keeps in git.
    pub digest: Option<Digest>,
    pub bytes: u64,
}

/// What a source means.
#[derive(Debug)]
pub(in crate::model::source) enum Located {
    File {
        file: Wanted,
        digest: Digest,
    },
    /// Several that are one model: `first` is what engines are given, or else the folder.
    Folder {
        name: String,
        first: Option<String>,
        files: Vec<Wanted>,
    },
}

impl Hub {
    /// The model that `quant` names, or that there is.
    pub(in crate::model::source) async fn locate(
        &self,
        repo: Repo<'_>,
        quant: Option<&str>,
        form: Form,
    ) -> Result<Located, FetchError> {
        let files = self.list(repo).await?;
        match choose::variant(&files, quant) {
            Ok(variant) => self.variant(repo, &variant),
            Err(ChoiceError::NoGguf) if quant.is_none() => match (folder::files(&files), form) {
                (Some(files), Form::Any) => self.folder(repo, &files),
                (Some(_), Form::Gguf) => Err(HubError::Folder { repo: repo.shown() }.into()),
                (None, _) => Err(refused(repo, ChoiceError::NoGguf)),
            },
            Err(cause) => Err(refused(repo, cause)),
        }
    }

    fn variant(&self, repo: Repo<'_>, variant: &Variant<'_>) -> Result<Located, FetchError> {
        let names = variant.file_names();
        let pinned = |(file, name): (&&Listed, &String)| {
            let digest = file.sha256.clone().ok_or_else(|| HubError::NoDigest { path: file.path.clone() })?;
            Ok((self.wanted(repo, file, name)?, digest))
        };
        let mut files = variant
            .parts
            .iter()
            .zip(&names)
            .map(pinned)
            .collect::<Result<Vec<(Wanted, Digest)>, FetchError>>()?;
        if !variant.is_split()
            && let Some((file, digest)) = files.pop()
        {
            return Ok(Located::File { file, digest });
        }
        let name = file_name(variant.name);
        check_count(repo, name, files.len())?;
        Ok(Located::Folder {
            name: format!("{name}.gguf"),
            first: names.into_iter().next(),
            files: files.into_iter().map(|(file, _)| file).collect(),
        })
    }

    fn folder(&self, repo: Repo<'_>, files: &[&Listed]) -> Result<Located, FetchError> {
        let name = file_name(repo.name);
        check_count(repo, name, files.len())?;
        let wanted = |file: &&Listed| self.wanted(repo, file, &file.path);
        let files = files.iter().map(wanted).collect::<Result<Vec<_>, FetchError>>()?;
        Ok(Located::Folder { name: name.to_owned(), first: None, files })
    }

    fn wanted(&self, repo: Repo<'_>, file: &Listed, name: &str) -> Result<Wanted, FetchError> {
        if name.split('/').any(|part| part.len() > MAX_NAME) {
            return Err(HubError::LongName { path: file.path.clone(), limit: MAX_NAME }.into());
        }
        let url = self.file_url(repo, &file.path)?;
        Ok(Wanted { url, name: name.to_owned(), digest: file.sha256.clone(), bytes: file.bytes })
    }
}

fn refused(repo: Repo<'_>, cause: ChoiceError) -> FetchError {
    HubError::Choice { repo: repo.shown(), cause }.into()
}

fn check_count(repo: Repo<'_>, name: &str, files: usize) -> Result<(), FetchError> {
    match files > MAX_PARTS {
        true => {
            let (repo, name) = (repo.shown(), name.to_owned());
            Err(HubError::TooManyParts { repo, name, files, limit: MAX_PARTS }.into())
        }
        false => Ok(()),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
