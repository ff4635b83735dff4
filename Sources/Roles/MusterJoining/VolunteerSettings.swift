package import MusterContainers

/// What volunteers get of this coordinator, from `--volunteers` and the flags beside it.
package struct VolunteerSettings: Sendable {
    /// A file that `docker load` takes, from `--volunteer-image`; nil: the coordinator's own image, from its engine.
    package var imageFile: String?
    /// From `--image`; nil is the image of the container that the coordinator is in, else `muster:latest`.
    package var image: String?
    /// Nil: no engine is asked.
    package var engine: EngineAddress?

    package init() {}
}
