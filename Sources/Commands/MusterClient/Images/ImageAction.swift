package import MusterAPI
package import MusterCommandLine
internal import MusterWire

/// What `muster image` is to do, from its arguments.
package enum ImageAction: Hashable, Sendable {
    case get(ImageID)
    case size(ImageID)
    /// The path of the bytes; `-` is standard input.
    case put(ImageID, file: String)
    case delete(ImageID)
    /// No action was named.
    case menu

    package static let words = ["get", "size", "put", "delete"]

    /// Throws a usage error that says what is missing or too much.
    package init(action: String?, id: String?, file: String?) throws(CommandError) {
        guard let action else {
            self = .menu
            return
        }
        guard let id else { throw .usage("ID is missing: muster image \(action) needs the image's number") }
        let image = try Self.imageID(id)
        guard action == "put" || file == nil else {
            let hint = action == "get" ? "; -o FILE says where the image goes" : ""
            throw .usage("unexpected argument \(CommandError.quoted(file ?? ""))\(hint)")
        }
        switch action {
        case "get": self = .get(image)
        case "size": self = .size(image)
        case "delete": self = .delete(image)
        case "put":
            guard let file else { throw .usage("FILE is missing: muster image put ID FILE; - is standard input") }
            self = .put(image, file: file)
        default: throw .usage("\(CommandError.quoted(action)) is none of \(Self.words.joined(separator: ", "))")
        }
    }

    /// Throws a usage error for what is no image's id.
    static func imageID(_ text: String) throws(CommandError) -> ImageID {
        do { return try ImageID(text: text) } catch { throw .usage(CommandError.clause(error.detail)) }
    }
}
