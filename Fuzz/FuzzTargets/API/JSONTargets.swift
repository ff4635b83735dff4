internal import MusterCore
internal import MusterJSON

@testable internal import MusterAPI
@testable internal import MusterWire

extension FuzzTarget {
    static let json = [FuzzTarget("json", readJSON)]

    /// What is accepted has no white space between its parts, and reads back as itself; so does each part of it.
    private static func readJSON(_ bytes: [UInt8]) throws {
        guard let value = try? JSONValue(parsing: bytes) else {
            try promise((try? JSONValue(parsing: [0x20] + bytes + [0x0A])) == nil, "white space made it a value")
            return
        }
        try promise((try? JSONValue(parsing: bytes + [0x20]))?.bytes == value.bytes, "white space behind it changed it")
        try promise((try? JSONValue(parsing: bytes + [0x5D])) == nil, "a bracket too many was let in")
        try promise(!value.bytes.contains(0x0A), "a value holds a raw newline")
        try check(value)
    }

    private static func check(_ value: JSONValue) throws {
        try promise((try? JSONValue(parsing: Array(value.bytes))) == value, "\(value.text) does not read back")
        switch value.kind {
        case .array:
            let (elements, column) = (value.elements!, value.column!)
            try promise(column.lines.elementsEqual(elements.map(\.bytes)), "an array's lines are not its elements")
            let joined = elements.map(\.bytes).joined(separator: [0x2C])
            try promise(value.bytes.elementsEqual([0x5B] + joined + [0x5D]), "elements are not all of an array")
            for element in elements { try check(element) }
        case .object:
            for member in value.members! { try check(member.value) }
        case .string:
            var writer = JSONWriter()
            writer.value(value.string!)
            let again = try? JSONValue(parsing: writer.bytes)
            try promise(
                again?.string?.utf8.elementsEqual(value.string!.utf8) == true, "a string changed as it was written")
        case .number:
            if let number = value.int, let double = value.double {
                try promise(Double(number) == double, "\(value.text) is two numbers")
            }
        case .boolean, .null: break
        }
    }
}
