//! Connecting a store: from a link or the open page, through the store's approval, to a proven key.

pub mod admit;
pub mod application_password;
pub mod approvals;
pub mod brand;
pub mod by_hand;
pub mod connect;
pub mod disconnect;
pub mod links;
pub mod prove;
pub mod receive;
pub mod reconnect;
pub mod return_leg;
