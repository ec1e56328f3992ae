"""``fieldwise backbone``: make bundles, publish them, see what there is."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.cli.confirming import Yes, confirm
from orchestrator.cli.output import Shown, err, errors_shown, facts, local, show, size, table
from orchestrator.cli.remote import Json, collect, more, remote
from orchestrator.cli.tickets import Limit
from orchestrator.rollout.telling import devices
from orchestrator.rollout_views import RecallView
from orchestrator.rpc.client import PIECE_BYTES, OperatorClient, Pushed
from orchestrator.views import BackboneView, LookView

if TYPE_CHECKING:
    from bundler.pack import Packed

app = typer.Typer(no_args_is_help=True, help="Backbones: pack bundles, publish them, list them.")

Reference = Annotated[
    str, typer.Argument(help="NAME, NAME:VERSION, or a digest's first 8 digits and more.")
]
Triple = tuple[float, float, float]
Known = Annotated[str | None, typer.Argument(help="efficientnet-lite0, -lite1 or -lite2.")]
Graph = Annotated[Path | None, typer.Option(help="ONNX feature extractor to pack instead.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write; NAME-VERSION.bundle.")
]
Side = Annotated[
    int | None, typer.Option("--size", min=16, max=1024, help="Side of the input, pixels.")
]
Look = Annotated[
    list[str] | None,
    typer.Option(
        "--view",
        help="One of several looks at an image: size=128 or depth=4+end or backbone=NAME or"
        " onnx=FILE or output=NAME, several with commas; again for each.",
    ),
]
ReadingsFile = Annotated[
    Path | None, typer.Option("--readings", help="CSV of a sensor's readings to pack for instead.")
]
Label = Annotated[str | None, typer.Option(help="Column of it that is a class and no reading.")]
Features = Annotated[
    int | None, typer.Option(min=2, max=8192, help="Random features of readings; 1024.")
]
Int8 = Annotated[bool, typer.Option("--int8", help="Add an int8 variant; needs --calibrate.")]
Calibrate = Annotated[
    Path | None, typer.Option(help="Folder of images like those that devices will see.")
]
Starter = Annotated[
    Path | None, typer.Option(help="Folder of class folders to learn a starter head from.")
]
MapFrom = Annotated[
    Path | None,
    typer.Option(help="Older bundle file whose devices carry over what they learned by a map."),
]
MapImages = Annotated[Path | None, typer.Option(help="Folder of images to fit that map on.")]
Name = Annotated[str | None, typer.Option(help="Name of the bundle.")]
Version = Annotated[str, typer.Option(help="Version of the bundle.")]
Epoch = Annotated[
    int, typer.Option(min=1, help="Rises when older bundles must no longer be installed.")
]
Publisher = Annotated[str, typer.Option(help="Who answers for the bundle.")]
Licence = Annotated[str | None, typer.Option(help="Licence of the weights.")]
Source = Annotated[str | None, typer.Option(help="Where the weights come from.")]
Mean = Annotated[Triple | None, typer.Option(help="Taken off each channel; with --onnx.")]
Scale = Annotated[Triple | None, typer.Option(help="Divides each channel; with --onnx.")]
Seed = Annotated[int, typer.Option(help="Chooses calibration and golden images.")]


@app.command("pack")
def pack(
    backbone: Known = None,
    *,
    onnx: Graph = None,
    output: Output = None,
    image_size: Side = None,
    view: Look = None,
    readings: ReadingsFile = None,
    label: Label = None,
    features: Features = None,
    int8: Int8 = False,
    calibrate: Calibrate = None,
    starter: Starter = None,
    map_from: MapFrom = None,
    map_images: MapImages = None,
    name: Name = None,
    version: Version = "1.0.0",
    epoch: Epoch = 1,
    publisher: Publisher = "unnamed",
    licence: Licence = None,
    source: Source = None,
    mean: Mean = None,
    scale: Scale = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Make a bundle file from known weights, any ONNX feature extractor or a sensor's readings."""
    with errors_shown(as_json=json):
        from bundler.pack import RANDOM_FEATURES, SYMMETRIC_MEAN, SYMMETRIC_SCALE, PackRequest, pack
        from bundler.views import parse

        file = onnx or readings
        title = name or backbone or (file.stem if file else "backbone")
        request = PackRequest(
            target=output or Path(f"{title}-{version}.bundle"),
            backbone=backbone,
            onnx=onnx,
            size=image_size,
            views=tuple(map(parse, view or ())),
            readings=readings,
            label=label,
            features=features or RANDOM_FEATURES,
            int8=int8,
            calibrate=calibrate,
            starter=starter,
            map_from=map_from,
            map_images=map_images,
            name=name,
            version=version,
            epoch=epoch,
            publisher=publisher,
            licence=licence,
            source=source,
            mean=mean or (SYMMETRIC_MEAN,) * 3,
            scale=scale or (SYMMETRIC_SCALE,) * 3,
            seed=seed,
        )
        show(_packed(pack(request, _tell(quiet=json))), as_json=json)


@remote(app, "push")
async def push(
    client: OperatorClient,
    bundle: Annotated[Path, typer.Argument(help="Bundle file, as `backbone pack` writes it.")],
) -> Shown:
    """Publish a bundle; what is there already is left as it is."""
    try:
        file = bundle.open("rb")
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{bundle} cannot be read: {error.strerror}"
        ) from error
    with file, _bar() as bar:
        task = bar.add_task(bundle.name, total=bundle.stat().st_size)
        pushed = await client.push_backbone(_pieces(file, lambda count: bar.advance(task, count)))
    return Shown(pushed, lambda: _pushed(pushed))


@remote(app, "list")
async def list_backbones(client: OperatorClient, *, limit: Limit = 100) -> Shown:
    """List published backbones, newest first."""
    found, cut = await collect(client.list_backbones, limit)
    columns = ("backbone", "digest", "epoch#", "variants", "features#", "starter#", "devices#")
    return Shown(found, lambda: table(columns, map(_row, found)), note=more(cut, limit))


@remote(app, "show")
async def show_backbone(client: OperatorClient, backbone: Reference) -> Shown:
    """Show everything that is known of a backbone."""
    found = await client.get_backbone(backbone)
    return Shown(found, lambda: _facts(found))


@remote(app, "recall")
async def recall(
    client: OperatorClient, backbone: Reference, *, context: typer.Context, yes: Yes = False
) -> Shown:
    """Withhold a backbone from every device at once, and order back whoever runs it. For good."""
    confirm(context, f"Recall {backbone}, for good and everywhere?", yes=yes)
    recalled = await client.recall_backbone(backbone)
    return Shown(recalled, lambda: _recalled(recalled))


def _packed(packed: "Packed") -> Shown:
    value = {"path": str(packed.path), "digest": packed.digest, "manifest": packed.manifest}
    pairs = [
        ("bundle", str(packed.path)),
        ("backbone", packed.manifest.title),
        ("digest", packed.digest),
        ("size", size(packed.path.stat().st_size)),
    ]
    return Shown(value, lambda: facts(pairs))


def _tell(*, quiet: bool) -> Callable[[str], None]:
    console = err()

    def tell(sentence: str) -> None:
        if not quiet:
            console.print(Text(f"{sentence} …", style="dim"))

    return tell


def _bar() -> Progress:
    console = err()
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


async def _pieces(file: BinaryIO, advance: Callable[[int], None]) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece
        advance(len(piece))


def _pushed(pushed: Pushed) -> Table:
    what = "published" if pushed.created else "was published already"
    return facts([(what, pushed.backbone.title), ("digest", pushed.backbone.digest)])


def _recalled(recall: RecallView) -> Table:
    backbone = recall.backbone
    if not recall.rollouts:
        return facts([("now", f"{backbone.title} was recalled already.")])
    first, *turned = recall.rollouts
    running = f"the {devices(backbone.devices)} that run it" if backbone.devices else "whoever may"
    told = f"{backbone.title} is recalled: nobody gets it any more, and rollout {first} brings "
    told += f"{running} back to what they had."
    rows = [("now", told), ("digest", backbone.digest)]
    return facts([*rows, *[("turned back", each) for each in turned]])


def _row(backbone: BackboneView) -> tuple[str, ...]:
    return (
        f"{backbone.title} (recalled)" if backbone.recalled_at else backbone.title,
        backbone.digest[:12],
        f"{backbone.epoch}",
        ", ".join(each.name for each in backbone.variants),
        f"{backbone.feature_width:,}",
        f"{backbone.starter_classes:,}",
        f"{backbone.devices:,}",
    )


def _look(look: LookView) -> str:
    takes = f"{look.readings:,} readings" if look.readings else f"{look.image_size} px"
    return f"{look.name}: {takes}, {look.feature_width:,} features"


def _facts(backbone: BackboneView) -> Table:
    variants = ", ".join(f"{each.name} {size(each.graph_bytes)}" for each in backbone.variants)
    return facts(
        [
            ("backbone", backbone.title),
            ("digest", backbone.digest),
            ("epoch", f"{backbone.epoch}"),
            ("publisher", backbone.publisher),
            ("licence", backbone.licence),
            ("source", backbone.source),
            *(("view", _look(each)) for each in backbone.looks),
            ("features", f"{backbone.feature_width:,}"),
            ("variants", variants),
            ("starter classes", f"{backbone.starter_classes:,}"),
            ("published", local(backbone.created_at)),
            *((("recalled", local(backbone.recalled_at)),) if backbone.recalled_at else ()),
            ("devices", f"{backbone.devices:,}"),
        ]
    )
