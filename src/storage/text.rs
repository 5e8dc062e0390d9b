//! What statements bind: several values at once, and domain values that are stored as text.

use std::str::FromStr as _;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};

use super::statement::{Statement, Value};
use crate::domain::verdict::Verdicts;
use crate::domain::{
    AuthMethod, CallLimits, Confirm, DeliveryState, Kind, Namespaces, Permissions, Scope, Status, StoreStatus, Users,
    Verdict, Wanted, WebhookUrl, WhyOff,
};

/// Several values: a tuple.
pub trait Values<'v> {
    /// Binds them in order.
    fn bind_to(self, statement: Statement<'_>) -> Statement<'_>;
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*;) => {
        #[expect(non_snake_case, reason = "a variable is named like its type")]
        impl<'v, $first: Value<'v>, $($rest: Value<'v>),*> Values<'v> for ($first, $($rest,)*) {
            fn bind_to(self, statement: Statement<'_>) -> Statement<'_> {
                let ($first, $($rest,)*) = self;
                statement.bind($first)$(.bind($rest))*
            }
        }

        tuples! { $($rest)*; }
    };
    (;) => {};
}

tuples! { A B C D E F G H I J K L M N O P Q R S T U V W X; }

macro_rules! stored_as_text {
    // Those that have a name.
    ($($type:ident),+) => {$(
        stored_as_text!($type, |value: &$type| value.as_str().to_owned(), |text: &str| {
            <$type>::from_text(text)
                .ok_or_else(|| format!("{text:?} is not a {} of this version", stringify!($type)).into())
        });
    )+};
    ($type:ty, $to:expr, $from:expr) => {
        impl<DB: Database> Type<DB> for $type
        where
            String: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <String as Type<DB>>::type_info()
            }

            fn compatible(ty: &DB::TypeInfo) -> bool {
                <String as Type<DB>>::compatible(ty)
            }
        }

        impl<'r, DB: Database> Decode<'r, DB> for $type
        where
            String: Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let text = <String as Decode<'r, DB>>::decode(value)?;
                let read: Result<Self, BoxDynError> = $from(&text);
                read
            }
        }

        impl<'q, DB: Database> Encode<'q, DB> for $type
        where
            String: Encode<'q, DB>,
        {
            fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let text: String = $to(self);
                <String as Encode<'q, DB>>::encode(text, buffer)
            }
        }
    };
}

stored_as_text!(Verdict, |verdict: &Verdict| verdict.code().to_owned(), |text: &str| {
    Verdict::from_code(text).ok_or_else(|| format!("{text:?} is not a verdict of this version").into())
});

stored_as_text!(AuthMethod, Confirm, DeliveryState, Kind, Scope, Status, StoreStatus, WhyOff);
stored_as_text!(Verdicts, Verdicts::codes, |text: &str| Ok(Verdicts::from_codes(text)));

stored_as_text!(Permissions, |set: &Permissions| set.to_string(), |text: &str| {
    Permissions::from_str(text).map_err(Into::into)
});

stored_as_text!(Users, |users: &Users| users.to_string(), |text: &str| { Users::from_str(text).map_err(Into::into) });

stored_as_text!(Namespaces, |namespaces: &Namespaces| namespaces.to_string(), |text: &str| {
    Namespaces::from_str(text).map_err(Into::into)
});

stored_as_text!(CallLimits, |limits: &CallLimits| limits.to_string(), |text: &str| {
    CallLimits::from_str(text).map_err(Into::into)
});

stored_as_text!(WebhookUrl, |url: &WebhookUrl| url.as_str().to_owned(), |text: &str| Ok(WebhookUrl::of_storage(text)));

stored_as_text!(Wanted, |wanted: &Wanted| wanted.to_string(), |text: &str| Ok(Wanted::of_storage(text)));
