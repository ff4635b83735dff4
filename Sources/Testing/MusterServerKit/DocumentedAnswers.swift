package import MusterAPI
internal import Testing

/// Holds answers against the schemas of `/openapi.json`, as a stranger's program would: by the document's text alone.
package struct DocumentedAnswers {
    private let document: JSONValue

    package init(_ document: [UInt8]) throws { self.document = try JSONValue(parsing: document) }

    /// What is wrong with a JSON answer; nil: it is what the document says.
    package func trouble(with body: [UInt8], of method: String, _ pattern: String, status: Int) throws -> String? {
        let operation = document["paths"]?[pattern]?[method.lowercased()]
        let responses = try #require(operation?["responses"], "\(method) \(pattern) is not in the document")
        let content = (responses["\(status)"] ?? responses["default"])?["content"]
        let type = status < 400 ? "application/json" : Problem.contentType
        guard let schema = content?[type]?["schema"] else { return "\(status) has no schema" }
        return trouble(with: try JSONValue(parsing: body), schema, "answer")
    }

    private func trouble(with value: JSONValue, _ schema: JSONValue, _ place: String) -> String? {
        if let reference = schema["$ref"]?.string {
            let name = String(reference.split(separator: "/").last ?? "")
            guard let target = document["components"]?["schemas"]?[name] else { return "no schema \(name)" }
            return trouble(with: value, target, place)
        }
        if let choices = schema["anyOf"]?.elements {
            return choices.contains { trouble(with: value, $0, place) == nil } ? nil : "\(place) is none of its kinds"
        }
        if let type = schema["type"] {
            let names = type.elements?.map { $0.string ?? "" } ?? [type.string ?? ""]
            guard names.contains(where: { Self.isOf(value, $0) }) else {
                return "\(place) is no \(names): \(value.text)"
            }
        }
        if value.isNull { return nil }
        if let values = schema["enum"]?.elements, !values.contains(value) { return "\(place) is \(value.text)" }
        if let number = value.double {
            if let least = schema["minimum"]?.double, number < least { return "\(place) is \(number)" }
            if let most = schema["maximum"]?.double, number > most { return "\(place) is \(number)" }
        }
        return troubleInside(value, schema, place)
    }

    private func troubleInside(_ value: JSONValue, _ schema: JSONValue, _ place: String) -> String? {
        if let items = schema["items"] {
            for (index, element) in (value.elements ?? []).enumerated() {
                if let trouble = trouble(with: element, items, "\(place)[\(index)]") { return trouble }
            }
        }
        guard let members = value.members else { return nil }
        for name in schema["required"]?.elements ?? [] where value[name.string ?? ""] == nil {
            return "\(place).\(name.text) is missing"
        }
        for (name, member) in members {
            if let known = schema["properties"]?[name] {
                if let trouble = trouble(with: member, known, "\(place).\(name)") { return trouble }
            } else if let rest = schema["additionalProperties"] {
                if rest.bool == false { return "\(place).\(name) is unknown" }
                if let trouble = trouble(with: member, rest, "\(place).\(name)") { return trouble }
            } else if schema["properties"] != nil {
                return "\(place).\(name) is not in the document"
            }
        }
        return nil
    }

    private static func isOf(_ value: JSONValue, _ type: String) -> Bool {
        switch type {
        case "integer": value.int != nil
        case "number": value.double != nil
        case "string": value.string != nil
        case "boolean": value.bool != nil
        case "array": value.elements != nil
        case "object": value.members != nil
        case "null": value.isNull
        default: false
        }
    }
}

extension JSONValue {
    /// The value of a member of an object; nil where there is none.
    package subscript(_ name: String) -> JSONValue? { members?.first { $0.key == name }?.value }
}
