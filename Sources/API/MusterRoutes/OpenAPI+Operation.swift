internal import MusterAPI
internal import MusterJSON
internal import MusterWire

/// Writes one method of a path.
struct OperationWriter<Name: RawRepresentable<String> & Sendable> {
    var route: NamedRoute<Name>
    /// The same without its content: every GET has it.
    var isHead: Bool
    var need: TokenNeed

    func write(to json: inout JSONWriter) {
        let name = route.name.rawValue
        json.key(named: isHead ? "head" : route.method.lowercased())
        json.beginObject()
        json.field("operationId", isHead ? "head" + name.prefix(1).uppercased() + name.dropFirst() : name)
        json.field("summary", route.summary)
        json.field("x-access", route.access.rawValue)
        writeParameters(to: &json)
        writeBody(to: &json)
        writeResponses(to: &json)
        json.key("security")
        json.raw(security.utf8)
        json.endObject()
    }

    private var security: String {
        switch need {
        case .never: "[]"
        case .always: #"[{"bearer":[]}]"#
        case .sometimes: #"[{"bearer":[]},{}]"#
        }
    }

    private func writeParameters(to json: inout JSONWriter) {
        json.key("parameters")
        json.beginArray()
        for name in route.parameters {
            write(name, "path", route.parameterSchemas[name] ?? .id, isRequired: true, "", to: &json)
        }
        for field in route.fields where field.place == .query || field.place == .header {
            write(
                field.name, field.place.rawValue, field.schema, isRequired: field.isRequired, field.summary, to: &json)
        }
        json.endArray()
    }

    private func write(
        _ name: String, _ place: String, _ schema: Schema, isRequired: Bool, _ summary: String,
        to json: inout JSONWriter
    ) {
        json.beginObject()
        json.field("name", name)
        json.field("in", place)
        json.field("required", isRequired)
        if !summary.isEmpty { json.field("description", summary) }
        json.key("schema")
        schema.write(to: &json)
        json.endObject()
    }

    private func writeBody(to json: inout JSONWriter) {
        // Any type is read; a generated client must name one to send bytes by.
        if route.readsBytes { return writeBody(route.bytesType, .bytes, isRequired: false, to: &json) }
        let fields = route.bodyFields
        if fields.isEmpty { return }
        let type = route.readsForm ? "application/x-www-form-urlencoded" : "application/json"
        let schema = Schema.closed(
            fields.map {
                $0.isRequired ? .always($0.name, $0.schema, $0.summary) : .maybe($0.name, $0.schema, $0.summary)
            })
        writeBody(type, schema, isRequired: route.needsBody || fields.contains(where: \.isRequired), to: &json)
    }

    private func writeBody(_ type: String, _ schema: Schema, isRequired: Bool, to json: inout JSONWriter) {
        json.key("requestBody")
        json.beginObject()
        json.field("required", isRequired)
        json.key("content")
        json.beginObject()
        writeContent(type, schema, to: &json)
        json.endObject()
        json.endObject()
    }

    private func writeContent(_ type: String, _ schema: Schema, to json: inout JSONWriter) {
        json.key(named: type)
        json.beginObject()
        json.key("schema")
        schema.write(to: &json)
        json.endObject()
    }

    private func writeResponses(to json: inout JSONWriter) {
        json.key("responses")
        json.beginObject()
        for status in [route.status] + route.otherStatuses {
            json.key(named: String(status))
            json.beginObject()
            json.field("description", Self.description(of: status))
            if status == route.status, !isHead { writeAnswerHeaders(to: &json) }
            if !isHead && ![101, 204, 304].contains(status) { writeAnswer(to: &json) }
            json.endObject()
        }
        json.key("default")
        json.beginObject()
        json.field("description", "A problem (RFC 9457).")
        if !isHead {
            json.key("content")
            json.beginObject()
            writeContent(Problem.contentType, .of(Problem.self), to: &json)
            json.endObject()
        }
        json.endObject()
        json.endObject()
    }

    private static func description(of status: Int) -> String {
        switch status {
        case 101: "It is another protocol from here on."
        case 304: "Not changed: what the client has still holds."
        default: "Success."
        }
    }

    private func writeAnswerHeaders(to json: inout JSONWriter) {
        if route.answerHeaders.isEmpty { return }
        json.key("headers")
        json.beginObject()
        for header in route.answerHeaders {
            json.key(named: header.name)
            json.beginObject()
            json.field("description", header.summary)
            json.key("schema")
            header.schema.write(to: &json)
            json.endObject()
        }
        json.endObject()
    }

    private func writeAnswer(to json: inout JSONWriter) {
        json.key("content")
        json.beginObject()
        switch route.answerType {
        case "application/json": writeContent(route.answerType, route.answer, to: &json)
        case let type where type.hasPrefix("text/"): writeContent(type, .prose, to: &json)
        default: writeContent(route.answerType, .bytes, to: &json)
        }
        if route.mayAnswerText { writeContent("text/plain", .prose, to: &json) }
        json.endObject()
    }
}
