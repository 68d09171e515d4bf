//! Environment variables as the functions of a component see them.
//!
//! The app has those of the deployment. A component has what its parent bound, and of the server's own ones its URLs; of
//! the app's others it sees nothing.

use fusion_schema::DocumentId;

use super::deployment::Deployment;
use crate::Result;
use crate::database::{ComponentId, EnvironmentBinding, Transaction};
use crate::system::environment::Environment;

/// A variable as the component of the transaction sees it.
///
/// # Errors
/// See [`Environment::get`].
pub(crate) fn get(tx: &mut Transaction, deployment: &Deployment, name: &str) -> Result<Option<String>> {
    let component = tx.component();
    get_in(tx, deployment, component, name)
}

fn get_in(
    tx: &mut Transaction,
    deployment: &Deployment,
    component: ComponentId,
    name: &str,
) -> Result<Option<String>> {
    if component.is_root() {
        if let Some(value) = deployment.system_variable(name) {
            return Ok(Some(value.to_owned()));
        }
        let variable = Environment::new(tx, deployment.secrets()).get(name)?;
        return Ok(variable.map(|variable| variable.value));
    }
    let catalog = tx.snapshot().catalog().clone();
    let Some(meta) = catalog.component(component) else { return Ok(None) };
    match meta.environment.iter().find(|(bound, _)| bound == name) {
        Some((_, EnvironmentBinding::Value(value))) => Ok(Some(value.clone())),
        Some((_, EnvironmentBinding::Variable(variable))) => get_in(tx, deployment, meta.parent, variable),
        None if name == "CONVEX_SITE_URL" => Ok(Some(site_url(tx, deployment, component))),
        None => Ok(deployment.system_variable(name).map(str::to_owned)),
    }
}

/// The names of all variables that the component of the transaction sees, in order.
///
/// # Errors
/// See [`Environment::list`].
pub(crate) fn names(tx: &mut Transaction, deployment: &Deployment) -> Result<Vec<String>> {
    let component = tx.component();
    if component.is_root() {
        let variables = Environment::new(tx, deployment.secrets()).list()?;
        return Ok(deployment.with_system_variables(variables.into_iter().map(|variable| variable.name)));
    }
    let meta = tx.snapshot().catalog().component(component).cloned();
    let bound = meta.iter().flat_map(|meta| &meta.environment).map(|(name, _)| name.clone());
    Ok(deployment.with_system_variables(bound))
}

/// Where the HTTP actions of a component are reached; without a prefix of its own the site itself.
fn site_url(tx: &Transaction, deployment: &Deployment, component: ComponentId) -> String {
    let catalog = tx.snapshot().catalog();
    let mut prefix = String::new();
    let mut next = catalog.component(component);
    while let Some(meta) = next {
        let Some(own) = &meta.http_prefix else {
            return deployment.site_origin.clone();
        };
        prefix = format!("{}{prefix}", own.trim_end_matches('/'));
        next = catalog.component(meta.parent);
    }
    format!("{}{prefix}", deployment.site_origin)
}

/// The row by which clients know the component of the transaction; none for the app.
pub(crate) fn component_document(tx: &Transaction) -> Option<DocumentId> {
    tx.snapshot().catalog().component(tx.component()).map(|meta| meta.document)
}
