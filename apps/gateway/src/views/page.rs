//! [`PageView`]: every list.

use serde::Serialize;
use utoipa::ToSchema;
use velox_kernel::Page;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Page)]
pub struct PageView<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// What to send as `after` for the next page; `null` on the last one.
    pub next: Option<String>,
}

impl<T> PageView<T> {
    /// A list that fits one page.
    #[must_use]
    pub const fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// A page of domain objects as their views.
    #[must_use]
    pub fn of<D>(page: &Page<D>) -> Self
    where
        T: for<'a> From<&'a D>,
    {
        let Page { items, next } = page;
        Self { items: items.iter().map(T::from).collect(), next: next.as_ref().map(ToString::to_string) }
    }
}
