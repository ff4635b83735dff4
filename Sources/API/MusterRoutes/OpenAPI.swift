internal import MusterAPI
internal import MusterJSON
internal import MusterWire

/// Whether a stranger needs a token for a route.
package enum TokenNeed: Sendable {
    case never, always
    /// For some of what it names.
    case sometimes
}

/// The OpenAPI 3.1 document of a table of routes.
package enum OpenAPI {
    /// `role` names the process that has these routes; `need` says which of them ask for a token as it was started.
    package static func document<Name>(
        of routes: [NamedRoute<Name>], role: String = "coordinator", version: String,
        need: (NamedRoute<Name>) -> TokenNeed = { $0.access == .open ? .never : .always }
    ) -> [UInt8] {
        var json = JSONWriter(reserving: 64 << 10)
        json.beginObject()
        json.field("openapi", "3.1.0")
        json.key("info")
        json.beginObject()
        json.field("title", "Muster " + role)
        json.field("version", version)
        json.endObject()
        json.key("paths")
        json.beginObject()
        let known = routes.filter { !$0.isInternal }
        for pattern in Set(known.map(\.pattern)).sorted() {
            json.key(named: pattern)
            json.beginObject()
            for route in known where route.pattern == pattern {
                for isHead in route.method == "GET" && !route.isHeld ? [false, true] : [false] {
                    OperationWriter(route: route, isHead: isHead, need: need(route)).write(to: &json)
                }
            }
            json.endObject()
        }
        json.endObject()
        writeComponents(to: &json)
        json.endObject()
        return json.bytes
    }

    private static func writeComponents(to json: inout JSONWriter) {
        json.key("components")
        json.beginObject()
        json.field("securitySchemes", raw: #"{"bearer":{"type":"http","scheme":"bearer"}}"#.utf8)
        json.key("schemas")
        json.beginObject()
        for (name, schema) in AnswerSchemas.all {
            json.key(named: name)
            schema.write(to: &json)
        }
        json.endObject()
        json.endObject()
    }
}
