"""The structures and numbers of TWAIN that the driver uses (TWAIN Specification 2.4, chapter 8)."""

import ctypes as ct
from enum import IntEnum

FUNCTION = getattr(ct, "WINFUNCTYPE", ct.CFUNCTYPE)

CONTROL, IMAGE = 1, 2
"""Data groups."""
DSM2, APP2 = 0x10000000, 0x20000000
"""Flags of SupportedGroups: the manager and the application know TWAIN 2."""


class Dat(IntEnum):
    """Types of the data of an operation."""

    CAPABILITY = 0x0001
    EVENT = 0x0002
    IDENTITY = 0x0003
    PARENT = 0x0004
    PENDINGXFERS = 0x0005
    SETUPFILEXFER = 0x0007
    STATUS = 0x0008
    USERINTERFACE = 0x0009
    IMAGEINFO = 0x0101
    IMAGENATIVEXFER = 0x0104
    IMAGEFILEXFER = 0x0105
    ENTRYPOINT = 0x0403


class Msg(IntEnum):
    """What an operation does with its data, and what a source reports."""

    GET = 0x0001
    GETCURRENT = 0x0002
    GETFIRST = 0x0004
    GETNEXT = 0x0005
    SET = 0x0006
    RESET = 0x0007
    XFERREADY = 0x0101
    CLOSEDSREQ = 0x0102
    OPENDSM = 0x0301
    CLOSEDSM = 0x0302
    OPENDS = 0x0401
    CLOSEDS = 0x0402
    DISABLEDS = 0x0501
    ENABLEDS = 0x0502
    PROCESSEVENT = 0x0601
    ENDXFER = 0x0701


class Answer(IntEnum):
    """Return codes of an operation."""

    SUCCESS = 0
    FAILURE = 1
    CHECKSTATUS = 2
    CANCEL = 3
    DSEVENT = 4
    NOTDSEVENT = 5
    XFERDONE = 6
    ENDOFLIST = 7


class Container(IntEnum):
    """Forms in which the values of a capability travel."""

    ARRAY = 3
    ENUMERATION = 4
    ONEVALUE = 5
    RANGE = 6


class Kind(IntEnum):
    """Types of the values of a capability."""

    INT8 = 0
    INT16 = 1
    INT32 = 2
    UINT8 = 3
    UINT16 = 4
    UINT32 = 5
    BOOL = 6
    FIX32 = 7
    STR32 = 9
    STR64 = 10
    STR128 = 11
    STR255 = 12


class Packed(ct.Structure):
    """A structure as TWAIN has it, aligned to two bytes."""

    _pack_ = 2
    _layout_ = "ms"


class Fix32(Packed):
    """A number with a fraction."""

    _fields_ = [("whole", ct.c_int16), ("fraction", ct.c_uint16)]


class Version(Packed):
    """The version of an application or source."""

    _fields_ = [
        ("major", ct.c_uint16),
        ("minor", ct.c_uint16),
        ("language", ct.c_uint16),
        ("country", ct.c_uint16),
        ("info", ct.c_char * 34),
    ]


class Identity(Packed):
    """An application or a source."""

    _fields_ = [
        ("id", ct.c_uint32),
        ("version", Version),
        ("protocol_major", ct.c_uint16),
        ("protocol_minor", ct.c_uint16),
        ("supported_groups", ct.c_uint32),
        ("manufacturer", ct.c_char * 34),
        ("product_family", ct.c_char * 34),
        ("product_name", ct.c_char * 34),
    ]


class Capability(Packed):
    """A capability and the handle of its container."""

    _fields_ = [("number", ct.c_uint16), ("container", ct.c_uint16), ("handle", ct.c_void_p)]


class OneValue(Packed):
    """The head of a container with one value; a text begins where the item is."""

    _fields_ = [("kind", ct.c_uint16), ("item", ct.c_uint32)]


class Enumeration(Packed):
    """The head of a container with a list, and the index of the current value."""

    _fields_ = [
        ("kind", ct.c_uint16),
        ("count", ct.c_uint32),
        ("current", ct.c_uint32),
        ("default", ct.c_uint32),
    ]


class Array(Packed):
    """The head of a container with a list."""

    _fields_ = [("kind", ct.c_uint16), ("count", ct.c_uint32)]


class Range(Packed):
    """A container with limits and a step."""

    _fields_ = [
        ("kind", ct.c_uint16),
        ("least", ct.c_uint32),
        ("most", ct.c_uint32),
        ("step", ct.c_uint32),
        ("default", ct.c_uint32),
        ("current", ct.c_uint32),
    ]


class UserInterface(Packed):
    """Whether a source shows its own window."""

    _fields_ = [("show", ct.c_uint16), ("modal", ct.c_uint16), ("parent", ct.c_void_p)]


class Event(Packed):
    """A message of the window system, and what it means to a source."""

    _fields_ = [("event", ct.c_void_p), ("message", ct.c_uint16)]


class Status(Packed):
    """Why an operation failed."""

    _fields_ = [("condition", ct.c_uint16), ("data", ct.c_uint16)]


class ImageInfo(Packed):
    """The image that is ready."""

    _fields_ = [
        ("x_resolution", Fix32),
        ("y_resolution", Fix32),
        ("width", ct.c_int32),
        ("length", ct.c_int32),
        ("samples", ct.c_int16),
        ("bits_per_sample", ct.c_int16 * 8),
        ("bits_per_pixel", ct.c_int16),
        ("planar", ct.c_uint16),
        ("pixel_type", ct.c_int16),
        ("compression", ct.c_uint16),
    ]


class PendingTransfers(Packed):
    """How many images follow; 0xFFFF means that the source does not know."""

    _fields_ = [("count", ct.c_uint16), ("end_of_job", ct.c_uint32)]


class FileTransfer(Packed):
    """The file to which a source writes."""

    _fields_ = [("name", ct.c_char * 256), ("format", ct.c_uint16), ("reserved", ct.c_int16)]


class EntryPoint(Packed):
    """The functions of a manager of TWAIN 2 for memory."""

    _fields_ = [
        ("size", ct.c_uint32),
        ("entry", ct.c_void_p),
        ("allocate", FUNCTION(ct.c_void_p, ct.c_uint32)),
        ("free", FUNCTION(None, ct.c_void_p)),
        ("lock", FUNCTION(ct.c_void_p, ct.c_void_p)),
        ("unlock", FUNCTION(None, ct.c_void_p)),
    ]


ENTRY = FUNCTION(
    ct.c_uint16,
    ct.POINTER(Identity),
    ct.POINTER(Identity),
    ct.c_uint32,
    ct.c_uint16,
    ct.c_uint16,
    ct.c_void_p,
)
"""The only function of a manager: origin, destination, group, data, message, pointer."""
