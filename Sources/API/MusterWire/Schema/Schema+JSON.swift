package import MusterJSON

extension Schema {
    /// As an object of JSON Schema.
    package func write(_ summary: String = "", to json: inout JSONWriter) {
        json.beginObject()
        if !summary.isEmpty { json.field("description", summary) }
        switch form {
        case .any: break
        case .boolean: writeType("boolean", to: &json)
        case .reference(let name): writeReference(name, to: &json)
        case .string(let bytes, let pattern, let format): writeText(bytes, pattern, format, to: &json)
        case .choice(let values): writeChoice(values, to: &json)
        case .integer(let range): writeInteger(range, to: &json)
        case .number(let range):
            writeType("number", to: &json)
            json.field("format", "double")
            if let range {
                json.field("minimum", range.lowerBound)
                json.field("maximum", range.upperBound)
            }
        case .array(let item, let count):
            writeType("array", to: &json)
            json.key("items")
            item.write(to: &json)
            if count.lowerBound > 0 { json.field("minItems", count.lowerBound) }
            if count.upperBound < .max { json.field("maxItems", count.upperBound) }
        case .object(let fields, let isClosed): writeObject(fields, isClosed, to: &json)
        case .map(let value, let countMax):
            writeType("object", to: &json)
            json.key("additionalProperties")
            value.write(to: &json)
            if countMax < .max { json.field("maxProperties", countMax) }
        case .either(let schemas):
            json.key("anyOf")
            json.beginArray()
            for schema in schemas { schema.write(to: &json) }
            json.endArray()
        }
        json.endObject()
    }

    private func writeType(_ type: String, to json: inout JSONWriter) {
        json.key("type")
        guard isNullable else { return json.value(type) }
        json.beginArray()
        json.value(type)
        json.value("null")
        json.endArray()
    }

    private func writeReference(_ name: String, to json: inout JSONWriter) {
        guard isNullable else { return json.field("$ref", "#/components/schemas/" + name) }
        json.key("anyOf")
        json.beginArray()
        Schema.named(name).write(to: &json)
        json.raw(#"{"type":"null"}"#.utf8)
        json.endArray()
    }

    private func writeText(
        _ bytes: ClosedRange<Int>, _ pattern: String?, _ format: String?, to json: inout JSONWriter
    ) {
        writeType("string", to: &json)
        if bytes.lowerBound > 0 { json.field("minLength", bytes.lowerBound) }
        if bytes.upperBound < .max { json.field("maxLength", bytes.upperBound) }
        if let pattern { json.field("pattern", pattern) }
        if let format { json.field("format", format) }
    }

    private func writeChoice(_ values: [String], to json: inout JSONWriter) {
        writeType("string", to: &json)
        json.key("enum")
        json.beginArray()
        for value in values { json.value(value) }
        if isNullable { json.null() }
        json.endArray()
    }

    private func writeInteger(_ range: ClosedRange<Int>, to json: inout JSONWriter) {
        writeType("integer", to: &json)
        json.field("format", range.upperBound > Int(Int32.max) ? "int64" : "int32")
        json.field("minimum", range.lowerBound)
        json.field("maximum", range.upperBound)
    }

    private func writeObject(_ fields: [Field], _ isClosed: Bool, to json: inout JSONWriter) {
        writeType("object", to: &json)
        if isClosed { json.field("additionalProperties", false) }
        if fields.contains(where: \.isRequired) {
            json.key("required")
            json.beginArray()
            for field in fields where field.isRequired { json.value(field.name) }
            json.endArray()
        }
        if fields.isEmpty { return }
        json.key("properties")
        json.beginObject()
        for field in fields {
            json.key(named: field.name)
            field.schema.write(field.summary, to: &json)
        }
        json.endObject()
    }
}
