internal import MusterClient
internal import MusterCommandLine
internal import MusterWorker

/// Flags of a worker about files of tasks.
enum WorkerFileFlags {
    static let origin = Flag<String?>.text(
        "origin", "URL", as: .url, "Where the origin of tasks' files is for this worker."
    ).defaulting(to: "as each job says")
    static let edges = Flag<String?>.text(
        "edges", "URL,URL,…", as: .text(bytesMax: 8_192, suggestions: ["none"]),
        "Edges that this worker asks for tasks' files before the origin; none: none of them."
    ).defaulting(to: "those that the coordinator lists, but none on the origin's own host")
    static let folder = Flag<String?>.text(
        "files-cache", "DIR", as: .directory,
        "Where files that tasks need are kept, by their SHA-256. Workers of one machine and user may share it: then a file is fetched once."
    ).defaulting(to: "DIR/worker/files, DIR being the data directory")
    static let filesBytes = Flag<Int>.int(
        "files-bytes", "N", in: 0...1 << 50, default: WorkerConfiguration.filesBytesDefault,
        "Bytes of them; beyond that those go which were not used for longest. What tasks have at the moment stays.")

    static let all = [origin.spec, edges.spec, folder.spec, filesBytes.spec]

    @MainActor static func apply(
        _ invocation: Invocation, to configuration: inout WorkerConfiguration
    ) throws(CommandError) {
        if let given = invocation[edges] {
            configuration.edgeURLs = given == "none" ? [] : try ImageServer.list(given).map(\.url)
        }
        configuration.originURL = invocation[origin]
        configuration.filesDirectory = invocation[folder]
        configuration.filesBytesMax = invocation[filesBytes]
    }
}
