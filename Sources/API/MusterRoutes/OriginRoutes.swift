internal import MusterAPI
internal import MusterWire

/// Each route of an origin once, by name; the driver has a handler for each.
package enum OriginRouteName: String, CaseIterable, Sendable {
    case listImages, image, imageSize, putImage, deleteImage, changes, events
    case file, putFile, deleteFile, fileUpload, appendFile, dropUpload, storeFiles, missingFiles, keepFiles, fetchFiles
    case healthz, readyz, metrics, openapi
}

/// All routes of an origin.
package enum OriginRoutes {
    package typealias Spec = NamedRoute<OriginRouteName>

    package static let all: [Spec] = images + FileRoutes.all + following + plain
    package static func spec(_ name: OriginRouteName) -> Spec { all.first { $0.name == name }! }

    /// Bytes of an image, unless `--image-bytes-max` says otherwise.
    package static let imageBytesMaxDefault = 256 << 20

    private static let imageID = ["id": Schema.integer]

    private static let images: [Spec] = [
        Spec(
            name: .listImages, method: "GET", pattern: "/images", access: .image, summary: "List images by id.",
            fields: [
                .query("limit", .integer(1...10_000), "At most so many, 1 to 10000, default 1000."),
                .query("after", .integer, "Only images with a larger id."),
            ], answer: .of(ImagePage.self)),
        Spec(
            name: .image, method: "GET", pattern: "/images/{id}", access: .image,
            summary: "An image's bytes, under the type that they were stored with; conditional, whole or in ranges.",
            fields: [.range, .ifRange, .ifMatch, .ifNoneMatch, .ifModifiedSince], answerType: "*/*",
            otherStatuses: [206, 304], parameterSchemas: imageID),
        Spec(
            name: .imageSize, method: "GET", pattern: "/images/{id}/size", access: .image,
            summary: "How many bytes an image has.", fields: [.ifMatch, .ifNoneMatch, .ifModifiedSince],
            answer: .of(ImageSize.self), otherStatuses: [304], parameterSchemas: imageID),
        Spec(
            name: .putImage, method: "PUT", pattern: "/images/{id}", access: .admin,
            summary:
                "Store an image, whatever its bytes; answered when it is durable: 201, or 200 where it replaces one.",
            fields: [.ifMatch, .ifNoneMatch], bodyBytesMax: imageBytesMaxDefault, status: 201,
            answer: .of(ImageStatus.self),
            otherStatuses: [200], readsBytes: true, parameterSchemas: imageID),
        Spec(
            name: .deleteImage, method: "DELETE", pattern: "/images/{id}", access: .admin,
            summary: "Delete an image; answered when that is durable.",
            fields: [.ifMatch, .ifNoneMatch], answer: .of(ImageChange.self), parameterSchemas: imageID),
    ]

    private static let following: [Spec] = [
        Spec(
            name: .changes, method: "GET", pattern: "/v1/changes", access: .image,
            summary: "What became of images since a version, each with its latest change, oldest first.",
            fields: [
                .query("since", .integer, "Only changes after this version; default 0: every image there is."),
                .query("limit", .integer(1...10_000), "At most so many, 1 to 10000, default 1000."),
            ], answer: .of(ImageChanges.self)),
        Spec(
            name: .events, method: "GET", pattern: "/v1/events", access: .image,
            summary:
                "Server-sent events: change (an image put or deleted); hello at the start; reset where Last-Event-ID, a"
                + " version, is too far back: ask /v1/changes.",
            fields: [.lastEventID("A version: what happened since comes first.")], answerType: "text/event-stream"),
    ]

    private static let plain: [Spec] = [
        Spec(
            name: .healthz, method: "GET", pattern: "/healthz", access: .open, summary: "The process lives.",
            answer: .of(StatusWord.self)),
        Spec(
            name: .readyz, method: "GET", pattern: "/readyz", access: .open,
            summary: "Images can be read and stored: 200, else 503.", answer: .of(StatusWord.self)),
        Spec(
            name: .metrics, method: "GET", pattern: "/metrics", access: .read, summary: "Prometheus metrics.",
            answerType: "text/plain"),
        Spec(
            name: .openapi, method: "GET", pattern: "/openapi.json", access: .read, summary: "This document.",
            answer: .object),
    ]
}
