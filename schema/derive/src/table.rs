//! `#[derive(Table)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::{DeriveInput, Error, LitInt, LitStr, Result, Token, parenthesized};

/// An index as written in the attribute.
#[derive(Default)]
struct Index {
    name: String,
    fields: Vec<String>,
    field: String,
    filters: Vec<String>,
    dimensions: u32,
}

fn strings(meta: &ParseNestedMeta<'_>) -> Result<Vec<String>> {
    let content;
    parenthesized!(content in meta.input);
    let list = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
    Ok(list.iter().map(LitStr::value).collect())
}

fn index(meta: &ParseNestedMeta<'_>) -> Result<Index> {
    let mut index = Index::default();
    meta.parse_nested_meta(|meta| {
        if meta.path.is_ident("name") {
            index.name = meta.value()?.parse::<LitStr>()?.value();
        } else if meta.path.is_ident("fields") {
            index.fields = strings(&meta)?;
        } else if meta.path.is_ident("field") {
            index.field = meta.value()?.parse::<LitStr>()?.value();
        } else if meta.path.is_ident("filters") {
            index.filters = strings(&meta)?;
        } else if meta.path.is_ident("dimensions") {
            index.dimensions = meta.value()?.parse::<LitInt>()?.base10_parse()?;
        } else {
            return Err(meta.error("expected name, fields, field, filters or dimensions"));
        }
        Ok(())
    })?;
    if index.name.is_empty() {
        return Err(meta.error("an index needs `name = \"..\"`"));
    }
    Ok(index)
}

/// The implementations of `Typed` and `Table`.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let typed = crate::typed::expand(input)?;
    let mut name = None;
    let mut builders = Vec::new();
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("table")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                name = Some(meta.value()?.parse::<LitStr>()?.value());
                return Ok(());
            }
            let kind = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            builders.push(match kind.as_str() {
                "index" => {
                    let Index { name, fields, .. } = index(&meta)?;
                    quote! { .index(#name, [#(#fields),*]) }
                }
                "search" => {
                    let Index { name, field, filters, .. } = index(&meta)?;
                    quote! { .search_index(#name, #field, ::std::vec::Vec::<&str>::from([#(#filters),*])) }
                }
                "vector" => {
                    let Index { name, field, filters, dimensions, .. } = index(&meta)?;
                    quote! { .vector_index(#name, #field, #dimensions, ::std::vec::Vec::<&str>::from([#(#filters),*])) }
                }
                _ => return Err(meta.error("expected name, index, search or vector")),
            });
            Ok(())
        })?;
    }
    let name = name
        .ok_or_else(|| Error::new_spanned(&input.ident, "Table needs `#[table(name = \"..\")]` beside it"))?;
    let ident = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #typed

        #[automatically_derived]
        impl #impl_generics ::fusion_schema::Table for #ident #type_generics #where_clause {
            const NAME: &'static str = #name;

            fn definition() -> ::fusion_schema::TableDefinition {
                ::fusion_schema::TableDefinition::new(#name, <Self as ::fusion_schema::Typed>::validator())
                    #(#builders)*
            }
        }
    })
}
