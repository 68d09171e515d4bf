//! Which functions there are, under the names clients call them by.

use fusion_runtime::function::Visibility;

#[test]
fn every_function_is_where_clients_look_for_it() {
    let registry = fusion_functions::application(Default::default()).build().unwrap();
    let mut found: Vec<String> = registry
        .iter()
        .filter(|entry| !entry.path.is_system())
        .map(|entry| {
            let internal = if entry.visibility == Visibility::Internal { "internal " } else { "" };
            format!("{internal}{} {}", entry.kind().name().to_lowercase(), entry.path)
        })
        .collect();
    let mut expected = [
        "mutation public/contactSessions:create",
        "mutation public/contactSessions:validate",
        "mutation public/conversations:create",
        "query public/conversations:getMany",
        "query public/conversations:getOne",
        "action public/messages:create",
        "query public/messages:getMany",
        "action public/organizations:validate",
        "action public/secrets:getVapiSecrets",
        "query public/signIn:config",
        "query public/widgetSettings:getByOrganizationId",
        "mutation users:add",
        "query users:getMany",
        "query private/contactSessions:getOneByConversationId",
        "query private/conversations:getMany",
        "query private/conversations:getOne",
        "mutation private/conversations:updateStatus",
        "action private/files:addFile",
        "mutation private/files:deleteFile",
        "query private/files:list",
        "mutation private/messages:create",
        "action private/messages:enhanceResponse",
        "query private/messages:getMany",
        "query private/plugins:getOne",
        "mutation private/plugins:remove",
        "query private/retention:getOne",
        "mutation private/retention:upsert",
        "mutation private/secrets:remove",
        "mutation private/secrets:upsert",
        "action private/vapi:getAssistants",
        "action private/vapi:getPhoneNumbers",
        "query private/widgetSettings:getOne",
        "mutation private/widgetSettings:upsert",
        "internal query system/ai/knowledge:batch",
        "internal mutation system/ai/knowledge:begin",
        "internal mutation system/ai/knowledge:deleteChunks",
        "internal mutation system/ai/knowledge:discard",
        "internal query system/ai/knowledge:find",
        "internal query system/ai/knowledge:passages",
        "internal mutation system/ai/knowledge:postpone",
        "internal action system/ai/knowledge:process",
        "internal mutation system/ai/knowledge:revive",
        "internal mutation system/ai/knowledge:store",
        "internal mutation system/ai/knowledge:storeVectors",
        "internal action system/ai/knowledge:tend",
        "internal mutation system/ai/turns:begin",
        "internal mutation system/ai/turns:fail",
        "internal mutation system/ai/turns:grow",
        "internal mutation system/ai/turns:step",
        "internal mutation system/contactSessions:cleanup",
        "internal query system/contactSessions:getOne",
        "internal mutation system/contactSessions:refresh",
        "internal mutation system/conversations:escalate",
        "internal query system/conversations:getByThreadId",
        "internal mutation system/conversations:resolve",
        "internal mutation system/demo:seed",
        "internal query system/organizations:isKnown",
        "internal query system/plugins:getByOrganizationIdAndService",
        "internal mutation system/plugins:upsert",
        "internal mutation system/privacy:begin",
        "internal mutation system/privacy:dropOrphans",
        "internal action system/privacy:eraseContact",
        "internal action system/privacy:eraseOrganization",
        "internal mutation system/privacy:eraseStep",
        "internal mutation system/privacy:expire",
        "internal action system/privacy:exportOrganization",
        "internal query system/privacy:exportPage",
        "internal query system/privacy:exportThread",
        "internal query system/privacy:get",
        "internal action system/privacy:resume",
        "internal mutation system/privacy:resumeAll",
        "internal mutation system/privacy:saveExport",
        "internal mutation system/rateLimitCleanup:cleanup",
        "internal mutation system/rateLimits:checkRateLimitInternal",
        "internal mutation system/retention:apply",
        "internal mutation system/retention:applyTo",
        "internal action system/secrets:remove",
        "internal action system/secrets:upsert",
        "internal query system/services:list",
        "internal mutation system/subscriptions:cleanup",
        "internal query system/subscriptions:isDelivered",
        "internal mutation system/subscriptions:upsert",
    ];
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}
