/// The label of workers that run commands.
package enum ExecLabel {
    package static let key = "exec"
    package static let value = "allowed"
}
