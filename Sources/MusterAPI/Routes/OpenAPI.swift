/// The OpenAPI 3.1 document of a table of routes.
package enum OpenAPI {
    /// `role` names the process that has these routes.
    package static func document<Name>(
        of routes: [NamedRoute<Name>], role: String = "coordinator", version: String
    ) -> [UInt8] {
        var json = JSONWriter(reserving: 16 << 10)
        json.beginObject()
        json.field("openapi", "3.1.0")
        json.key("info")
        json.beginObject()
        json.field("title", "Muster " + role)
        json.field("version", version)
        json.endObject()
        json.key("paths")
        json.beginObject()
        for pattern in Set(routes.map(\.pattern)).sorted() {
            json.key(named: pattern)
            json.beginObject()
            for route in routes where route.pattern == pattern { write(route, to: &json) }
            json.endObject()
        }
        json.endObject()
        writeComponents(to: &json)
        json.endObject()
        return json.bytes
    }

    private static func write<Name>(_ route: NamedRoute<Name>, to json: inout JSONWriter) {
        json.key(named: route.method.lowercased())
        json.beginObject()
        json.field("operationId", route.name.rawValue)
        json.field("summary", route.summary)
        json.field("x-access", route.access.rawValue)
        writeParameters(of: route, to: &json)
        writeBody(of: route, to: &json)
        json.key("responses")
        json.beginObject()
        json.key(named: String(route.status))
        writeAnswer("Success.", route.answerType, to: &json)
        json.key("default")
        writeAnswer("A problem (RFC 9457).", Problem.contentType, to: &json)
        json.endObject()
        json.key("security")
        json.beginArray()
        if route.access != .open { json.raw(#"{"bearer":[]}"#.utf8) }
        json.endArray()
        json.endObject()
    }

    private static func writeParameters<Name>(of route: NamedRoute<Name>, to json: inout JSONWriter) {
        json.key("parameters")
        json.beginArray()
        for name in route.parameters {
            writeParameter(name, "path", "integer", required: true, "", to: &json)
        }
        for field in route.fields where field.place == .query {
            writeParameter(field.name, "query", field.kind.rawValue, required: false, field.summary, to: &json)
        }
        json.endArray()
    }

    private static func writeParameter(
        _ name: String, _ place: String, _ kind: String, required: Bool, _ summary: String, to json: inout JSONWriter
    ) {
        json.beginObject()
        json.field("name", name)
        json.field("in", place)
        json.field("required", required)
        if !summary.isEmpty { json.field("description", summary) }
        json.key("schema")
        json.beginObject()
        json.field("type", kind)
        json.endObject()
        json.endObject()
    }

    private static func writeBody<Name>(of route: NamedRoute<Name>, to json: inout JSONWriter) {
        let fields = route.fields.filter { $0.place != .query }
        guard !fields.isEmpty else { return }
        json.key("requestBody")
        json.beginObject()
        json.field("required", fields.contains(where: \.isRequired))
        json.key("content")
        json.beginObject()
        json.key(named: route.readsForm ? "application/x-www-form-urlencoded" : "application/json")
        json.beginObject()
        json.key("schema")
        json.beginObject()
        json.field("type", "object")
        json.field("additionalProperties", false)
        json.key("required")
        json.beginArray()
        for field in fields where field.isRequired { json.value(field.name) }
        json.endArray()
        json.key("properties")
        json.beginObject()
        for field in fields {
            json.key(named: field.name)
            json.beginObject()
            json.field("type", field.kind.rawValue)
            json.field("description", field.summary)
            json.endObject()
        }
        json.endObject()
        for _ in 0..<4 { json.endObject() }
    }

    private static func writeAnswer(_ summary: String, _ type: String, to json: inout JSONWriter) {
        json.beginObject()
        json.field("description", summary)
        json.key("content")
        json.beginObject()
        json.key(named: type)
        json.beginObject()
        json.endObject()
        json.endObject()
        json.endObject()
    }

    private static func writeComponents(to json: inout JSONWriter) {
        json.field(
            "components", raw: #"{"securitySchemes":{"bearer":{"type":"http","scheme":"bearer"}}}"#.utf8)
    }
}
