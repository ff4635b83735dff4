/// What launched things are called: what they are, and their number.
enum LaunchName {
    static let child = "child-"
    static let worker = "worker-"

    /// Nil: it is not of these.
    static func number(in name: String, after prefix: String) -> Int64? {
        name.hasPrefix(prefix) ? Int64(name.dropFirst(prefix.count)) : nil
    }
}
