package import MusterAPI

/// How files of images are named, and which type a file's name stands for.
package enum ImageFileName {
    /// The types that a name's end stands for, and the end that a type gets: the first one of that type. IANA's media
    /// types; no type is guessed from bytes.
    private static let types: [(end: String, type: String)] = [
        ("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("gif", "image/gif"),
        ("webp", "image/webp"), ("avif", "image/avif"), ("svg", "image/svg+xml"), ("bmp", "image/bmp"),
        ("tif", "image/tiff"), ("tiff", "image/tiff"), ("ico", "image/vnd.microsoft.icon"), ("pdf", "application/pdf"),
        ("json", "application/json"), ("txt", "text/plain"),
    ]

    /// `image-7.png`, then with `attempt` 1 and on `image-7-1.png`. A type that is not known, or none: `.bin`.
    package static func name(of image: ImageID, type: String?, attempt: Int = 0) -> String {
        let bare = (type ?? "").prefix { $0 != ";" && $0 != " " }.lowercased()
        let end = types.first { $0.type == bare }?.end ?? "bin"
        return "image-\(image)\(attempt == 0 ? "" : "-\(attempt)").\(end)"
    }

    /// Of a file with this name; `application/octet-stream` where the name does not tell.
    package static func type(of path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "application/octet-stream" }
        let end = name[name.index(after: dot)...].lowercased()
        return types.first { $0.end == end }?.type ?? "application/octet-stream"
    }
}
