package import MusterHTTPClient
package import MusterJSON
internal import MusterWire

/// Holds answers against the schemas of `/openapi.json`, as a stranger's program would: by the document's text alone.
package struct DocumentedAnswers {
    /// Operations by method, of each pattern.
    private let paths: [(pattern: String, operations: [String: JSONValue])]
    private let schemas: [String: JSONValue]

    package init(_ document: [UInt8]) throws {
        let document = try JSONValue(parsing: document)
        paths = (document["paths"]?.members ?? []).map { ($0.key, Self.byName($0.value)) }
        schemas = Self.byName(document["components"]?["schemas"])
    }

    private static func byName(_ value: JSONValue?) -> [String: JSONValue] {
        Dictionary((value?.members ?? []).map { ($0.key, $0.value) }) { $1 }
    }

    /// What is wrong with a JSON answer; nil: it is what the document says.
    package func trouble(with body: [UInt8], of method: String, _ pattern: String, status: Int) throws -> String? {
        let operation = paths.first { $0.pattern == pattern }?.operations[method.lowercased()]
        guard let responses = operation?["responses"] else { return "\(method) \(pattern) is not in the document" }
        let content = (responses["\(status)"] ?? responses["default"])?["content"]
        let type = status < 400 ? "application/json" : Problem.contentType
        guard let schema = content?[type]?["schema"] else { return "\(status) has no schema" }
        return trouble(with: try JSONValue(parsing: body), schema, "answer")
    }

    /// The same of what was asked for at a target; what is no JSON, has no body, or is asked for in vain, is not looked at.
    package func trouble(with answer: HTTPClientResponse, of method: String, at target: String) throws -> String? {
        let path = target.prefix { $0 != "?" }.split(separator: "/")
        let known = paths.first { pattern, operations in
            let parts = pattern.split(separator: "/")
            return operations[method.lowercased()] != nil && parts.count == path.count
                && zip(parts, path).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
        }
        guard let known, method != "HEAD", answer.header("Content-Type")?.contains("json") == true,
            answer.header("Content-Type")?.contains("ndjson") == false
        else { return nil }
        return try trouble(with: answer.body, of: method, known.pattern, status: answer.status)
    }

    /// What is wrong with a value by a schema, which may name those of the document.
    package func trouble(with value: JSONValue, _ schema: JSONValue, _ place: String) -> String? {
        if let reference = schema["$ref"]?.string {
            let name = String(reference.split(separator: "/").last ?? "")
            guard let target = schemas[name] else { return "no schema \(name)" }
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
    fileprivate subscript(_ name: String) -> JSONValue? { members?.first { $0.key == name }?.value }
}
