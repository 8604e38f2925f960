//! [`literal!`]: an expression of fixed words. With diesel's own (`sql`) a statement is prepared anew each time.

/// Declares an expression by its type and its words.
macro_rules! literal {
    ($(#[$doc:meta])* $name:ident: $type:ty = $words:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, diesel::query_builder::QueryId)]
        pub(crate) struct $name;

        impl diesel::expression::Expression for $name {
            type SqlType = $type;
        }

        impl<Tables> diesel::expression::AppearsOnTable<Tables> for $name {}

        impl<Columns> diesel::expression::ValidGrouping<Columns> for $name {
            type IsAggregate = diesel::expression::is_aggregate::Never;
        }

        impl<DB: diesel::backend::Backend> diesel::query_builder::QueryFragment<DB> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, DB>,
            ) -> diesel::QueryResult<()> {
                out.push_sql($words);
                Ok(())
            }
        }
    };
}
pub(crate) use literal;
