internal import MusterCore

/// A value that goes with a statement, in PostgreSQL's binary form. Nil is NULL.
enum Parameter: Sendable {
    case int(Int64?)
    case real(Double?)
    case flag(Bool)
    /// A word of the schema's own (a state, a role), which has no NUL: `text`.
    case word(String?)
    /// `bytea`, which is also what people's texts are kept as: `text` cannot hold a NUL.
    case bytes([UInt8]?)
    case ints([Int64])
    case arrays([ArraySlice<UInt8>])

    static func int(_ value: Int) -> Parameter { .int(Int64(value)) }
    static func text(_ text: String?) -> Parameter { .bytes(text.map { Array($0.utf8) }) }

    /// PostgreSQL's number of the type (`pg_type.dat`).
    var type: UInt32 {
        switch self {
        case .int: 20
        case .real: 701
        case .flag: 16
        case .word: 25
        case .bytes: 17
        case .ints: 1016
        case .arrays: 1001
        }
    }
}

/// Parameters one behind the other, as they are handed to libpq.
struct EncodedParameters {
    private(set) var bytes: [UInt8] = []
    /// Where each begins, and its length; -1 for NULL.
    private(set) var places: [(start: Int, length: Int)] = []
    private(set) var types: [UInt32] = []

    init(_ parameters: [Parameter]) {
        for parameter in parameters {
            let start = bytes.count
            let isNull = !append(parameter)
            places.append((start, isNull ? -1 : bytes.count - start))
            types.append(parameter.type)
        }
        // So that no bytes at all have a place, too.
        bytes.append(0)
    }

    /// False for NULL.
    private mutating func append(_ parameter: Parameter) -> Bool {
        switch parameter {
        case .int(let value?): append(UInt64(bitPattern: value))
        case .real(let value?): append(value.bitPattern)
        case .flag(let value): bytes.append(value ? 1 : 0)
        case .word(let text?): bytes.append(contentsOf: text.utf8)
        case .bytes(let value?): bytes.append(contentsOf: value)
        case .ints(let values):
            begin(of: 20, count: values.count)
            for value in values {
                append(UInt32(8))
                append(UInt64(bitPattern: value))
            }
        case .arrays(let values):
            begin(of: 17, count: values.count)
            for value in values {
                append(UInt32(value.count))
                bytes.append(contentsOf: value)
            }
        case .int(nil), .real(nil), .word(nil), .bytes(nil): return false
        }
        return true
    }

    /// An array's head: dimensions (none for an empty one), no NULLs, the type of what is in it, how many, from 1.
    private mutating func begin(of type: UInt32, count: Int) {
        append(UInt32(count == 0 ? 0 : 1))
        append(UInt32(0))
        append(type)
        guard count > 0 else { return }
        append(UInt32(count))
        append(UInt32(1))
    }

    private mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
