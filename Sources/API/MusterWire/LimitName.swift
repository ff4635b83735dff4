/// A bound by which a server refuses what it would take at another time, or in another size. The names are Muster's own, so that
/// whoever counts by them needs no more memory than there are names. `docs/limits.md` has a row for each.
package enum LimitName: String, CaseIterable, Sendable {
    // Of every server.
    case connections
    case connectionsPerAddress = "connections-per-address"
    case requestHead = "request-head"
    case requestBody = "request-body"
    case requestBodies = "request-bodies"
    case formFields = "form-fields"
    case eventStreams = "event-streams"
    case threads

    // Of a coordinator.
    case backups, children, commands, members, pages, pictures
    case unfinishedJobs = "unfinished-jobs"
    case outputReaders = "output-readers"
    case classicServers = "classic-servers"
    case volunteersTokens = "volunteers-tokens"
    case installerFetches = "installer-fetches"

    // Of an origin.
    case images, files
    case imageUploads = "image-uploads"
    case fileBytes = "file-bytes"
    case filesBytes = "files-bytes"
    case fileTransfers = "file-transfers"

    /// What there may not be more of, for people.
    package var summary: String {
        switch self {
        case .connections: "open connections"
        case .connectionsPerAddress: "open connections of one address"
        case .requestHead: "bytes of a request's line and headers"
        case .requestBody: "bytes of a request's body"
        case .requestBodies: "bytes of all bodies that arrive at one time"
        case .formFields: "fields of a form"
        case .eventStreams: "open event streams"
        case .threads: "threads for what blocks"
        case .backups: "backups at one time"
        case .children: "children that are not over"
        case .commands: "commands that somebody still waits for"
        case .members: "members of the fleet"
        case .pages: "open pages of the dashboard"
        case .pictures: "pictures that are made at one time"
        case .unfinishedJobs: "unfinished jobs"
        case .outputReaders: "readers of what commands print"
        case .classicServers: "servers that signed up"
        case .volunteersTokens: "tokens of volunteers"
        case .installerFetches: "fetches of the installer within ten seconds"
        case .images: "images of an origin"
        case .files: "files of an origin"
        case .imageUploads: "images that arrive at one time"
        case .fileBytes: "bytes of one file"
        case .filesBytes: "bytes of all files"
        case .fileTransfers: "files that are on their way at one time"
        }
    }

    /// The flag that moves it; nil: nothing does, or only the machine's own bounds.
    package var flag: String? {
        switch self {
        case .connectionsPerAddress: "--connections-per-address"
        case .fileBytes: "--file-bytes-max"
        case .filesBytes: "--files-bytes"
        default: nil
        }
    }

    /// The page that says what to do about it.
    package var page: String {
        switch self {
        case .volunteersTokens, .installerFetches: "docs/volunteers.md"
        case .fileBytes, .filesBytes, .files, .fileTransfers: "docs/files.md"
        case .children: "docs/children.md"
        default: "docs/limits.md"
        }
    }
}
