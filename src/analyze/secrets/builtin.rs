//! The pattern files that come with careen, one line a file.

/// Name and text of each file of `secret-patterns/`.
pub const BUILTIN: &[(&str, &str)] = &[
    ("ai.toml", include_str!("../../../secret-patterns/ai.toml")),
    ("aws.toml", include_str!("../../../secret-patterns/aws.toml")),
    ("azure.toml", include_str!("../../../secret-patterns/azure.toml")),
    ("chat.toml", include_str!("../../../secret-patterns/chat.toml")),
    ("cloud.toml", include_str!("../../../secret-patterns/cloud.toml")),
    ("commerce.toml", include_str!("../../../secret-patterns/commerce.toml")),
    ("config-files.toml", include_str!("../../../secret-patterns/config-files.toml")),
    ("generic.toml", include_str!("../../../secret-patterns/generic.toml")),
    ("github.toml", include_str!("../../../secret-patterns/github.toml")),
    ("gitlab.toml", include_str!("../../../secret-patterns/gitlab.toml")),
    ("google.toml", include_str!("../../../secret-patterns/google.toml")),
    ("identity.toml", include_str!("../../../secret-patterns/identity.toml")),
    ("logins.toml", include_str!("../../../secret-patterns/logins.toml")),
    ("mail.toml", include_str!("../../../secret-patterns/mail.toml")),
    ("observability.toml", include_str!("../../../secret-patterns/observability.toml")),
    ("private-keys.toml", include_str!("../../../secret-patterns/private-keys.toml")),
    ("registries.toml", include_str!("../../../secret-patterns/registries.toml")),
    ("slack.toml", include_str!("../../../secret-patterns/slack.toml")),
    ("stripe.toml", include_str!("../../../secret-patterns/stripe.toml")),
];
