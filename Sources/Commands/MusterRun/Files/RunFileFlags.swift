/// What the command line of a run says of files.
package struct RunFileFlags: Hashable, Sendable {
    /// `--send`.
    package var sent: [String] = []
    /// `--return`, and `--return-as` in the same order, or none.
    package var returned: [String] = []
    package var names: [String] = []
    /// `--workdir`.
    package var folder: String?
    /// `--origin`; nil: the one that is listed at the coordinator.
    package var origin: String?
    /// `--overwrite`.
    package var overwrites = false

    package init() {}

    var isEmpty: Bool { sent.isEmpty && returned.isEmpty && names.isEmpty && folder == nil }
}
