/// The version of the whole program, as Semantic Versioning counts (semver.org).
package enum MusterVersion {
    package static let current = "0.1.0"
}
