/// The installer, as one volunteer gets it. The template is `install.sh`, which is a script by itself.
package enum InstallScript {
    private static let template = String(decoding: PackageResources.install_sh, as: UTF8.self)

    /// None of the values may hold a quote: `PublicURL` and tokens have none.
    package static func text(url: String, token: String, version: String) -> String {
        let values = [("@URL@", url), ("@TOKEN@", token), ("@VERSION@", version), ("@ARCHITECTURE@", architecture)]
        return template.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            // Only these lines hold any.
            guard line.contains("='@") else { return String(line) }
            return values.reduce(String(line)) { $0.replacing($1.0, with: $1.1) }
        }.joined(separator: "\n")
    }

    /// As `uname -sm` says.
    package static var platform: String { "Linux " + architecture }

    /// As `uname -m` says.
    static var architecture: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "aarch64"
        #else
            "unknown"
        #endif
    }
}
