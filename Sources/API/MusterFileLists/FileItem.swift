package import MusterAPI
package import MusterJSON
package import MusterWire
package import TaskFiles

/// One file of a task's, or a folder with all that is in it: its path inside the task's folder, and the name of its bytes.
package struct FileItem: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case file
        /// A file that may be run.
        case program
        /// A folder: the bytes are its list, a `FileTree`.
        case folder
    }

    package var path: InnerPath
    package var kind: Kind
    package var digest: FileDigest
    /// Bytes of the file, or of the folder's list.
    package var size: UInt64

    /// In one list: of a job's common files, of a task's own, of what a task returns.
    package static let countMax = 64

    package init(path: InnerPath, kind: Kind = .file, digest: FileDigest, size: UInt64) {
        (self.path, self.kind, self.digest, self.size) = (path, kind, digest, size)
    }

    // MARK: On the wire: {"path":"a/b.png","sha256":"…","size":123}, with "kind" where it is no plain file

    package static func write(_ items: [FileItem], to json: inout JSONWriter) {
        json.beginArray()
        for item in items {
            json.beginObject()
            json.key("path")
            json.text(item.path.bytes)
            json.field("sha256", item.digest.description)
            json.field("size", item.size)
            if item.kind != .file { json.field("kind", item.kind.rawValue) }
            json.endObject()
        }
        json.endArray()
    }

    /// Throws a `Problem` (422) that begins with `name`.
    package static func list(_ value: JSONValue, _ name: String) throws(Problem) -> [FileItem] {
        guard let elements = value.elements else {
            throw Problem(422, "\"\(name)\" must be a list of files, not \(JSONFields.shown(value)).", code: "field")
        }
        guard elements.count <= countMax else {
            throw Problem(422, "\"\(name)\" has \(elements.count) files; at most \(countMax).", code: "field")
        }
        var items: [FileItem] = []
        for element in elements { items.append(try FileItem(element, name)) }
        return items
    }

    private init(_ value: JSONValue, _ name: String) throws(Problem) {
        var fields = try JSONFields(value, path: name + ".")
        guard let text = fields.value("path") else {
            throw Problem(422, "The field \"\(name).path\" is missing.", code: "field")
        }
        path = try InnerPath(wire: text, "\(name).path")
        kind = try fields.choice("kind", Kind.self) ?? .file
        digest = try FileDigest(text: try fields.required("sha256", try fields.string("sha256")))
        size = UInt64(try fields.required("size", try fields.int("size", in: 0...1 << 50)))
        guard !path.isRoot || kind == .folder else {
            throw Problem(422, "\"\(name).path\" names the folder itself, and is a file.", code: "field")
        }
        try fields.finish()
    }
}

extension InnerPath {
    /// Throws a `Problem` (422) for what is no text or leads out of the folder; `name` is the field's.
    package init(wire value: JSONValue, _ name: String) throws(Problem) {
        guard let text = value.textBytes else {
            throw Problem(422, "\"\(name)\" must be a text, not \(JSONFields.shown(value)).", code: "field")
        }
        do throws(PathTrouble) { try self.init(text) } catch {
            throw Problem(422, "\"\(name)\" is \(shownPath(text)): \(error).", code: "path")
        }
    }
}
