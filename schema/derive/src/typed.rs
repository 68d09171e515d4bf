//! `#[derive(Typed)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{
    Attribute, Data, DataEnum, DataStruct, DeriveInput, Error, Fields, FieldsNamed, GenericParam, Ident,
    LitStr, Result, parse_quote,
};

/// What `#[typed(..)]` says.
#[derive(Default)]
struct Options {
    rename: Option<String>,
    tag: Option<String>,
}

fn options(attributes: &[Attribute]) -> Result<Options> {
    let mut options = Options::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("typed")) {
        attribute.parse_nested_meta(|meta| {
            let value = |meta: &ParseNestedMeta<'_>| -> Result<String> {
                Ok(meta.value()?.parse::<LitStr>()?.value())
            };
            if meta.path.is_ident("rename") {
                options.rename = Some(value(&meta)?);
            } else if meta.path.is_ident("tag") {
                options.tag = Some(value(&meta)?);
            } else {
                return Err(meta.error("`typed` knows `rename = \"..\"` and `tag = \"..\"`"));
            }
            Ok(())
        })?;
    }
    Ok(options)
}

/// The camelCase of a snake_case or PascalCase name.
fn camel_case(name: &str) -> String {
    let name = name.trim_start_matches("r#");
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for (index, letter) in name.chars().enumerate() {
        if letter == '_' {
            upper = true;
        } else if upper {
            out.extend(letter.to_uppercase());
            upper = false;
        } else if index == 0 {
            out.extend(letter.to_lowercase());
        } else {
            out.push(letter);
        }
    }
    out
}

/// The stored name of a field or variant.
fn stored_name(ident: &Ident, attributes: &[Attribute]) -> Result<String> {
    Ok(options(attributes)?.rename.unwrap_or_else(|| camel_case(&ident.to_string())))
}

/// Validator, decoding and encoding of an object with named fields.
#[derive(Default)]
struct ObjectParts {
    /// Expressions of pairs (name, field validator).
    validators: Vec<TokenStream>,
    /// `ident: fields.take("name")?`.
    takes: Vec<TokenStream>,
    /// The Rust names, to destructure.
    idents: Vec<Ident>,
    /// Statements that insert each field into `object`, in order of the stored names.
    inserts: Vec<TokenStream>,
    /// The stored names.
    names: Vec<String>,
    /// The types.
    types: Vec<syn::Type>,
}

fn object_parts(fields: &FieldsNamed) -> Result<ObjectParts> {
    let mut named = Vec::new();
    for field in &fields.named {
        let ident =
            field.ident.clone().ok_or_else(|| Error::new_spanned(field, "the field must have a name"))?;
        named.push((stored_name(&ident, &field.attrs)?, ident, &field.ty));
    }
    // Objects are sorted by name: inserted in order, every field goes to the end.
    named.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    let mut parts = ObjectParts::default();
    for (name, ident, field_type) in named {
        parts.validators.push(quote! { (#name, <#field_type as ::fusion_schema::Typed>::field()) });
        parts.takes.push(quote! { #ident: fields.take(#name)? });
        parts.inserts.push(quote! {
            if let ::core::option::Option::Some(value) = ::fusion_schema::Typed::encode_field(#ident) {
                object.insert(#name, value);
            }
        });
        parts.idents.push(ident);
        parts.names.push(name);
        parts.types.push(field_type.clone());
    }
    Ok(parts)
}

/// The functions of the implementation.
struct Methods {
    validator: TokenStream,
    decode: TokenStream,
    encode: TokenStream,
    /// How it is read from JSON directly, where that is better than through a value.
    read: Option<TokenStream>,
    /// What that needs outside of the implementation.
    reader: Option<TokenStream>,
}

/// The functions that read JSON through one visitor, given by an expression of `is_document`.
fn read_methods(call: impl Fn(bool) -> TokenStream) -> TokenStream {
    let method = |name: &str, is_document| {
        let (name, call) = (Ident::new(name, Span::call_site()), call(is_document));
        quote! {
            fn #name<'de, D: ::fusion_schema::typed::de::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                #call
            }
        }
    };
    let methods = [method("read", false), method("read_field", false), method("read_document", true)];
    quote! { #(#methods)* }
}

/// The visitor that reads a struct's fields into variables.
fn struct_reader(ident: &Ident, parts: &ObjectParts) -> TokenStream {
    let ObjectParts { idents, names, types, .. } = parts;
    let places = 0..idents.len();
    // Names of our own, because the struct's may be those of other variables here.
    let slots: Vec<Ident> = places.clone().map(|place| quote::format_ident!("slot_{place}")).collect();
    quote! {
        struct Reader {
            is_document: bool,
        }

        impl<'de> ::fusion_schema::typed::de::Visitor<'de> for Reader {
            type Value = #ident;

            fn expecting(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: ::fusion_schema::typed::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> ::core::result::Result<#ident, A::Error> {
                use ::fusion_schema::typed::direct;
                #(let mut #slots: ::core::option::Option<#types> = ::core::option::Option::None;)*
                while let ::core::option::Option::Some(place) =
                    direct::next_field(&mut map, &[#(#names),*], self.is_document)?
                {
                    match place {
                        #(#places => {
                            let seed = direct::FieldSeed::<#types>::default();
                            #slots = ::core::option::Option::Some(map.next_value_seed(seed)?);
                        })*
                        // There are no more names than these.
                        _ => {}
                    }
                }
                ::core::result::Result::Ok(#ident {
                    #(#idents: direct::field_or_missing::<#types, A::Error>(#slots)?),*
                })
            }
        }
    }
}

fn struct_methods(ident: &Ident, is_plain: bool, data: &DataStruct) -> Result<Methods> {
    match &data.fields {
        Fields::Named(fields) => {
            let parts = object_parts(fields)?;
            let reader = is_plain.then(|| struct_reader(ident, &parts));
            let read = is_plain.then(|| {
                read_methods(|is_document| quote! { deserializer.deserialize_map(Reader { is_document: #is_document }) })
            });
            let ObjectParts { validators, takes, idents, inserts, .. } = parts;
            let count = idents.len();
            let mutable = (count > 0).then(|| quote! { mut });
            Ok(Methods {
                validator: quote! {
                    ::fusion_schema::Validator::object::<&str>([#(#validators),*])
                },
                decode: quote! {
                    let #mutable fields = ::fusion_schema::typed::Fields::new(value)?;
                    let decoded = Self { #(#takes),* };
                    fields.finish()?;
                    ::core::result::Result::Ok(decoded)
                },
                encode: quote! {
                    let Self { #(#idents),* } = self;
                    let #mutable object = ::fusion_schema::Object::with_capacity(#count);
                    #(#inserts)*
                    ::fusion_schema::Value::Object(object)
                },
                read,
                reader,
            })
        }
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            let inner = &fields.unnamed[0].ty;
            Ok(Methods {
                validator: quote! { <#inner as ::fusion_schema::Typed>::validator() },
                decode: quote! {
                    <#inner as ::fusion_schema::Typed>::decode(value).map(Self)
                },
                encode: quote! { ::fusion_schema::Typed::encode(self.0) },
                read: Some(read_methods(|is_document| {
                    let method = if is_document {
                        quote! { read_document }
                    } else {
                        quote! { read }
                    };
                    quote! { <#inner as ::fusion_schema::Typed>::#method(deserializer).map(Self) }
                })),
                reader: None,
            })
        }
        other => Err(Error::new_spanned(other, "Typed needs named fields or exactly one unnamed field")),
    }
}

/// One variant: its validator, a statement that returns it if the value is one, and its arm of `encode`.
fn variant_methods(variant: &syn::Variant, tag: Option<&str>) -> Result<Methods> {
    let ident = &variant.ident;
    let name = stored_name(ident, &variant.attrs)?;
    let tag_validator = tag.map(|tag| {
        quote! { (#tag, ::fusion_schema::FieldValidator::required(::fusion_schema::Validator::literal(#name))), }
    });
    let take_tag = tag.map(|tag| quote! { fields.take_tag(#tag, #name)?; });
    let insert_tag = tag.map(|tag| quote! { object.insert(#tag, #name); });
    let object = |parts: ObjectParts| {
        let ObjectParts { validators, takes, idents, inserts, .. } = parts;
        let mutable = (tag.is_some() || !idents.is_empty()).then(|| quote! { mut });
        Methods {
            validator: quote! {
                ::fusion_schema::Validator::object::<&str>([#tag_validator #(#validators),*])
            },
            decode: quote! {
                let attempt = (|| {
                    let #mutable fields = ::fusion_schema::typed::Fields::new(value.clone())?;
                    #take_tag
                    let decoded = Self::#ident { #(#takes),* };
                    fields.finish()?;
                    ::core::result::Result::Ok::<Self, ::fusion_schema::DecodeError>(decoded)
                })();
                if let ::core::result::Result::Ok(decoded) = attempt {
                    return ::core::result::Result::Ok(decoded);
                }
            },
            encode: quote! {
                Self::#ident { #(#idents),* } => {
                    let #mutable object = ::fusion_schema::Object::new();
                    #insert_tag
                    #(#inserts)*
                    ::fusion_schema::Value::Object(object)
                }
            },
            read: None,
            reader: None,
        }
    };
    match &variant.fields {
        Fields::Unit if tag.is_some() => Ok(object(ObjectParts::default())),
        Fields::Unit => Ok(Methods {
            validator: quote! { ::fusion_schema::Validator::literal(#name) },
            decode: quote! {
                if value.as_str() == ::core::option::Option::Some(#name) {
                    return ::core::result::Result::Ok(Self::#ident);
                }
            },
            encode: quote! { Self::#ident => ::fusion_schema::Value::from(#name), },
            read: Some(quote! { #name => ::core::option::Option::Some(Self::#ident), }),
            reader: None,
        }),
        Fields::Named(fields) => Ok(object(object_parts(fields)?)),
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 && tag.is_none() => {
            let inner = &fields.unnamed[0].ty;
            Ok(Methods {
                validator: quote! { <#inner as ::fusion_schema::Typed>::validator() },
                decode: quote! {
                    if let ::core::result::Result::Ok(inner) =
                        <#inner as ::fusion_schema::Typed>::decode(value.clone())
                    {
                        return ::core::result::Result::Ok(Self::#ident(inner));
                    }
                },
                encode: quote! { Self::#ident(inner) => ::fusion_schema::Typed::encode(inner), },
                read: None,
                reader: None,
            })
        }
        other => Err(Error::new_spanned(
            other,
            "a variant needs named fields, no fields or, without `tag`, exactly one unnamed field",
        )),
    }
}

fn enum_methods(name: &Ident, data: &DataEnum, tag: Option<&str>) -> Result<Methods> {
    let variants =
        data.variants.iter().map(|variant| variant_methods(variant, tag)).collect::<Result<Vec<_>>>()?;
    let validators = variants.iter().map(|methods| &methods.validator);
    let attempts = variants.iter().map(|methods| &methods.decode);
    let arms = variants.iter().map(|methods| &methods.encode);
    let name = name.to_string();
    // Only where every variant is a text.
    let texts: Option<Vec<&TokenStream>> = variants.iter().map(|methods| methods.read.as_ref()).collect();
    let read = texts.map(|texts| {
        read_methods(|_| {
            quote! {
                deserializer.deserialize_str(::fusion_schema::typed::direct::TextVisitor(|text: &str| match text {
                    #(#texts)*
                    _ => ::core::option::Option::None,
                }))
            }
        })
    });
    Ok(Methods {
        validator: quote! { ::fusion_schema::Validator::Union(::std::vec![#(#validators),*]) },
        decode: quote! {
            #(#attempts)*
            ::core::result::Result::Err(::fusion_schema::DecodeError::new(
                ::std::format!("the value matches no variant of {}.", #name),
            ))
        },
        encode: quote! { match self { #(#arms)* } },
        read,
        reader: None,
    })
}

/// The implementation of `Typed`.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let options = options(&input.attrs)?;
    // The reader of a generic struct would have to be generic, too.
    let is_plain = input.generics.params.is_empty();
    let Methods { validator, decode, encode, read, reader } = match &input.data {
        Data::Struct(data) => struct_methods(&input.ident, is_plain, data)?,
        Data::Enum(data) => enum_methods(&input.ident, data, options.tag.as_deref())?,
        Data::Union(_) => return Err(Error::new_spanned(input, "Typed needs a struct or an enum")),
    };
    let mut generics = input.generics.clone();
    for parameter in &mut generics.params {
        if let GenericParam::Type(parameter) = parameter {
            parameter.bounds.push(parse_quote!(::fusion_schema::Typed));
        }
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let ident = &input.ident;
    let implementation = quote! {
        #[automatically_derived]
        impl #impl_generics ::fusion_schema::Typed for #ident #type_generics #where_clause {
            fn validator() -> ::fusion_schema::Validator {
                #validator
            }

            fn decode(
                value: ::fusion_schema::Value,
            ) -> ::core::result::Result<Self, ::fusion_schema::DecodeError> {
                #decode
            }

            fn encode(self) -> ::fusion_schema::Value {
                #encode
            }

            #read
        }
    };
    Ok(match reader {
        Some(reader) => quote! { const _: () = { #reader #implementation }; },
        None => implementation,
    })
}
