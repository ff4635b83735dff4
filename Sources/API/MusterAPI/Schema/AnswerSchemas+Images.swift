/// What origins and edges answer.
extension AnswerSchemas {
    private static let etag = Schema.prose

    static let images: [(name: String, schema: Schema)] = [
        (
            "Image",
            .open(
                .always("id", .integer), .always("size", .integer, "Bytes."),
                .always("version", .id, "Of the change that brought these bytes."),
                .always("etag", etag, "With its quotes."), .always("type", .prose),
                .maybe("damage", .prose, "Why it cannot be served."))
        ),
        (
            "Images",
            .open(
                .always("count", .integer, "Of all images."), .always("images", .list(.named("Image"))),
                .always("next", .integer.orNull, "Ask for those after this id; null: there are no more."))
        ),
        ("ImageSize", .open(.always("id", .integer), .always("size", .integer, "Bytes."))),
        (
            "ImageChange",
            .open(
                .always("id", .integer), .always("version", .id), .always("etag", etag.orNull),
                .always("deleted", .boolean))
        ),
        (
            "ImageChanges",
            .open(
                .always("origin", .prose, "Tells this origin's versions from any other's."),
                .always("version", .integer, "The latest change of all."),
                .always("reset", .boolean, "What happened since is not known: check every copy."),
                .always("changes", .list(.named("ImageChange"))),
                .always("next", .integer.orNull, "Ask since this version for the rest."))
        ),
    ]

    static let edges: [(name: String, schema: Schema)] = [
        (
            "Edge",
            .open(
                .always("id", .id), .always("leader", .id.orNull), .always("term", .integer),
                .always("hits", .integer), .always("misses", .integer), .always("bytes", .integer),
                .always("objects", .integer), .always("memoryBytes", .integer), .always("diskBytes", .integer),
                .always("upstream", .prose),
                .always(
                    "edges", .list(.open(.always("id", .id), .always("url", .prose), .always("alive", .boolean)))))
        ),
        (
            "Purged",
            .open(
                .always("purged", .integer, "Answers that were forgotten."),
                .always("confirmed", .list(.id), "The edges that did it."),
                .always("missing", .list(.id), "Those that are away and do it before they serve again."))
        ),
    ]
}
