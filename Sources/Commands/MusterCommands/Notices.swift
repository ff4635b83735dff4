internal import Glibc
internal import MusterCommandLine
internal import MusterJoining
internal import MusterRole
internal import MusterSystem

/// `muster notices`.
enum NoticesCommand {
    static let directory = Positional.text("DIR", as: .file, "Where to write. Made if it is not there.")
    static let files = Positional.variadic(
        "FILE", as: .file, "Libraries that are handed on beside the program. Else those that it has loaded here.")
    static let system = Flag.bool(
        "system", "Tell of every Debian package of this system instead, whose licences' texts stay where they are.")

    static let command = Command(
        name: "notices", summary: "write the licences of this program and of what is handed on with it",
        description: [
            "Writes LICENSE (Muster's own), NOTICE, the texts of licences in licenses/, and a bill of materials, sbom.spdx.json "
                + "(SPDX 2.3), made from the files themselves: on Debian each belongs to a package, which has a version and a text.",
            "For whoever packs this program with its libraries. An archive that a coordinator gives to volunteers has these "
                + "files already.",
        ],
        positionals: [directory.spec, files.spec], flags: [system.spec] + CommonFlags.always,
        exits: [
            Command.Exit(.success, "They are written."), Command.Exit(.noInput, "A library is not there."),
            Command.Exit(.internalError), Command.Exit(.cannotCreate, "The directory cannot be made."),
            Command.Exit(.inputOutput), Command.Exit(.configuration, "--system: this is no Debian system."),
        ],
        examples: [
            Command.Example("muster notices licences", "Of the program as it runs here."),
            Command.Example("muster notices --system /opt/muster", "In a container's image."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let isSystem = invocation[system]
        let given = invocation[files]
        guard !isSystem || given.isEmpty else {
            throw CommandError.usage("--system tells of all packages; FILEs are not for it: \(given.count) given")
        }
        for path in given where access(path, R_OK) != 0 {
            throw CommandError(.noInput, "there is no file \(path) that can be read")
        }
        let version = MusterVersion.current
        do throws(NodeError) {
            let notices =
                isSystem
                ? try Notices(ofSystem: "", version: version)
                : try Notices(ofFiles: given.isEmpty ? LoadedLibraries.paths : given, version: version)
            try notices.write(to: invocation[directory])
        } catch {
            throw CommandError(error)
        }
    }
}
