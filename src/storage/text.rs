//! Domain values that are stored as text.

use std::str::FromStr as _;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};

use crate::domain::token::{Permissions, Users};
use crate::domain::verdict::{Verdict, Verdicts};
use crate::domain::webhook::{Wanted, WebhookUrl};

macro_rules! stored_as_text {
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

stored_as_text!(Verdicts, Verdicts::codes, |text: &str| Ok(Verdicts::from_codes(text)));

stored_as_text!(Permissions, |set: &Permissions| set.to_string(), |text: &str| {
    Permissions::from_str(text).map_err(Into::into)
});

stored_as_text!(Users, |users: &Users| users.to_string(), |text: &str| { Users::from_str(text).map_err(Into::into) });

stored_as_text!(WebhookUrl, |url: &WebhookUrl| url.as_str().to_owned(), |text: &str| Ok(WebhookUrl::of_storage(text)));

stored_as_text!(Wanted, |wanted: &Wanted| wanted.to_string(), |text: &str| Ok(Wanted::of_storage(text)));
