//! Pages of lists: `{items, next}`.

use crate::{Cursor, Freshness};

/// A wish for one page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    limit: u16,
    /// Where the page before ended; the first page when `None`.
    pub after: Option<Cursor>,
    /// How new it has to be.
    pub freshness: Freshness,
}

/// A page size outside 1 to [`PageRequest::LARGEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be between 1 and 500")]
pub struct InvalidPageSize;

impl PageRequest {
    /// Items on a page when the client names no number.
    pub const USUAL: u16 = 50;
    /// The most items a page holds.
    pub const LARGEST: u16 = 500;

    /// A wish for up to `limit` items after a cursor.
    ///
    /// # Errors
    /// [`InvalidPageSize`] for 0 and for more than [`PageRequest::LARGEST`].
    pub fn new(limit: u16, after: Option<Cursor>) -> Result<Self, InvalidPageSize> {
        if limit == 0 || limit > Self::LARGEST {
            return Err(InvalidPageSize);
        }
        Ok(Self { limit, after, freshness: Freshness::Now })
    }

    /// The first page in the usual size.
    #[must_use]
    pub const fn first() -> Self {
        Self { limit: Self::USUAL, after: None, freshness: Freshness::Now }
    }

    /// The same page, as new as this.
    #[must_use]
    pub fn as_new_as(self, freshness: Freshness) -> Self {
        Self { freshness, ..self }
    }

    /// The most items wanted.
    #[must_use]
    pub const fn limit(&self) -> u16 {
        self.limit
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where to go on; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Cuts a page out of up to `limit + 1` rows: the extra row only tells that there are more.
    #[must_use]
    pub fn cut(mut rows: Vec<T>, request: &PageRequest, key: impl FnOnce(&T) -> Cursor) -> Self {
        let limit = usize::from(request.limit);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(key) } else { None };
        Self { items: rows, next }
    }

    /// The same page of other items.
    #[must_use]
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn cuts_the_extra_row_and_points_at_the_last_kept() {
        let request = PageRequest::new(2, None).unwrap();
        let page = Page::cut(vec![1, 2, 3], &request, |item| Cursor::new(item));
        assert_eq!(page.items, [1, 2]);
        assert_eq!(page.next, Some(Cursor::new(2)));
        assert_eq!(Page::cut(vec![1, 2], &request, |item| Cursor::new(item)).next, None);
        assert!(PageRequest::new(0, None).is_err());
    }
}
