internal import MusterAPI
package import MusterJSON
package import MusterWire

/// The input of a task that has files of its own: `{"value":VALUE,"files":[…]}`, where the value is what the input would be without them.
package struct TaskInput: Hashable, Sendable {
    package var value: JSONValue
    package var files: [FileItem]

    package init(value: JSONValue, files: [FileItem]) { (self.value, self.files) = (value, files) }

    /// Nil for an input without files, which stands for itself. Throws a `Problem` (422).
    package init?(_ input: JSONValue) throws(Problem) {
        // Most have none, and are looked at once for each task: no object, or the bytes of a text.
        guard input.bytes.first == UInt8(ascii: "{"), let members = input.members,
            members.contains(where: { $0.key == "files" })
        else { return nil }
        var fields = try JSONFields(input, path: "input.")
        guard let value = fields.value("value"), let files = fields.value("files") else {
            throw Problem(422, "has \"files\", and needs \"value\" beside them.", code: "field")
        }
        (self.value, self.files) = (value, try FileItem.list(files, "files"))
        try fields.finish()
    }

    package var bytes: [UInt8] {
        var json = JSONWriter(reserving: value.bytes.count + files.count * 160)
        json.beginObject()
        json.field("value", raw: value.bytes)
        json.key("files")
        FileItem.write(files, to: &json)
        json.endObject()
        return json.bytes
    }
}
