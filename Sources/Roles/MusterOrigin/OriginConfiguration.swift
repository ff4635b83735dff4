internal import MusterAPI
package import MusterHTTP
package import MusterRole
internal import MusterRoutes

/// How one origin is set up; from the flags of `muster origin`.
package struct OriginConfiguration: Sendable {
    /// Its own folder: tokens, and the images unless they are elsewhere. Created 0700.
    package var dataDirectory: String
    package var server: HTTPServer.Configuration
    /// From `--token`, where it is listed nowhere; nil makes one at first start and keeps it.
    package var adminToken: String?
    /// From `--read-token-file`; nil makes one at first start and keeps it.
    package var readToken: String?
    /// By which it joins the coordinator of `--join`, which then tells what that and other tokens are good for.
    package var joinToken: String?
    package var access = AccessSettings()
    package var version: String
    /// From `--images`; nil is `images` in the data directory.
    package var images: String?
    /// From `--image-bytes-max`: larger images are refused with 413.
    package var imageBytesMax = OriginRoutes.imageBytesMaxDefault
    /// From `--files`; nil is `files` in the data directory.
    package var files: String?
    /// From `--file-bytes-max`: larger files are refused with 413.
    package var fileBytesMax = FileRoutes.fileBytesMaxDefault
    /// From `--files-bytes`: of all files.
    package var filesBytesMax = FileRoutes.filesBytesDefault
    /// So long a file is kept that nobody asked to keep.
    package var fileGrace = Duration.seconds(KeepFiles.secondsDefault)
    /// From `--max-age`: seconds for which others may reuse an answer without asking.
    package var maxAgeSeconds = maxAgeDefault
    package static let maxAgeDefault = 60
    /// Whether a coordinator is to list it. From `--join`.
    package var isListed = false
    /// Renders some images when it starts for the first time and has none.
    package var makesSamples = true

    package init(dataDirectory: String, server: HTTPServer.Configuration, adminToken: String?, version: String) {
        self.dataDirectory = dataDirectory
        self.server = server
        self.adminToken = adminToken
        self.version = version
    }

    var filesPath: String { files ?? dataDirectory + "/files" }
    var imagesPath: String { images ?? dataDirectory + "/images" }
}
