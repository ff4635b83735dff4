internal import MusterCommandLine
internal import MusterRun

/// Flags of a run about files.
enum RunFilesFlags {
    static let send = Flag.texts(
        "send", "FILE",
        "A file, or a folder, that each task has in its folder, under this path; {} and its like make it another for each value. "
            + "Of DIR/./FILE only what stands behind /./ is its path there. Several times: several files.")
    static let returned = Flag.texts(
        "return", "FILE",
        "A file, or a folder, that each command leaves in its folder and that is brought here; {} and its like as in the command."
    )
    static let names = Flag.texts(
        "return-as", "NAME", "The name under which what --return names comes here; as many as there are --return.")
    static let workdir = Flag<String?>.text(
        "workdir", "DIR", as: .text(bytesMax: 2_048, suggestions: []),
        "Where in its folder the command runs; made, if it was not sent."
    ).defaulting(to: "the folder itself")
    static let overwrite = Flag.bool(
        "overwrite", "Write over files that are here already; else a run that would return one is refused.")
    static let origin = Flag<String?>.text(
        "origin", "URL", as: .url, "The origin that files go by."
    ).defaulting(to: "the one that is listed at the coordinator")

    static let all = [send.spec, returned.spec, names.spec, workdir.spec, overwrite.spec, origin.spec]

    @MainActor static func flags(_ invocation: Invocation) -> RunFileFlags {
        var flags = attachFlags(invocation)
        (flags.sent, flags.returned, flags.names) = (invocation[send], invocation[returned], invocation[names])
        flags.folder = invocation[workdir]
        return flags
    }

    /// Of one who comes back to a run.
    @MainActor static func attachFlags(_ invocation: Invocation) -> RunFileFlags {
        var flags = RunFileFlags()
        (flags.overwrites, flags.origin) = (invocation[overwrite], invocation[origin])
        return flags
    }
}
