internal import CMicroHTTP
internal import HTTPText
internal import MusterWire

/// A body as browsers send forms: `application/x-www-form-urlencoded` or `multipart/form-data`. libmicrohttpd takes it
/// apart; values come in pieces, names of fields do not.
enum FormBody {
    static let fieldsMax = 64
    private static let bufferBytes = 4 << 10

    private final class Fields {
        var found: [(name: String, bytes: [UInt8])] = []
        var isTooMany = false
    }

    /// On the HTTP thread. Throws a `Problem`: 415 for another type, 400 for what is no form, 413 for too many fields.
    static func fields(_ body: [UInt8], of connection: OpaquePointer) throws(Problem) -> [(name: String, value: String)]
    {
        if body.isEmpty { return [] }
        let fields = Fields()
        let context = Unmanaged.passUnretained(fields).toOpaque()
        let made = MHD_create_post_processor(
            connection, bufferBytes,
            { context, _, key, _, _, _, data, offset, count in
                let fields = Unmanaged<Fields>.fromOpaque(context!).takeUnretainedValue()
                let bytes = UnsafeRawBufferPointer(start: data, count: count)
                if offset == 0 {
                    fields.isTooMany = fields.found.count >= FormBody.fieldsMax
                    guard !fields.isTooMany else { return .NO }
                    fields.found.append((WireText.text(cString: key!), Array(bytes)))
                } else {
                    fields.found[fields.found.count - 1].bytes += bytes
                }
                return .YES
            }, context)
        guard let made else {
            let type = MHD_lookup_connection_value(connection, .HEADER_KIND, "Content-Type")
            if let type, String(cString: type).lowercased().hasPrefix("multipart/form-data") {
                throw Problem(400, "The form's boundary cannot be used.")
            }
            throw Problem(415, "This route reads forms: application/x-www-form-urlencoded or multipart/form-data.")
        }
        let isTaken = body.withUnsafeBytes { MHD_post_process(made, $0.baseAddress, $0.count) == .YES }
        let isWhole = MHD_destroy_post_processor(made) == .YES
        if fields.isTooMany {
            throw Problem(
                413, "The form has more than \(fieldsMax) fields.", code: "size", limit: .formFields)
        }
        guard isTaken, isWhole else { throw Problem(400, "The body is not a whole form.") }
        var values: [(name: String, value: String)] = []
        for (name, bytes) in fields.found {
            guard let value = String(validating: bytes, as: UTF8.self) else {
                throw Problem(400, "The form's field \"\(name.prefix(80))\" is not UTF-8.")
            }
            values.append((name, value))
        }
        return values
    }
}
