internal import Glibc

package enum SystemLimits {
    /// Open files that this process may have at most, once it has raised its own limit.
    package static var descriptors: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
        return Int(clamping: limit.rlim_max)
    }
}
