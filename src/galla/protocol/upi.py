"""The online UPI protocol, gathered: every request and reply, the links, and what their codes mean.

Nothing is defined here; each name has its home in a file of its noun.
"""

from galla.protocol.link import UpiLink as UpiLink
from galla.protocol.link import build_link as build_link
from galla.protocol.link import parse_link as parse_link
from galla.protocol.order import ListedOrder as ListedOrder
from galla.protocol.order import OrderListReply as OrderListReply
from galla.protocol.order import OrderListRequest as OrderListRequest
from galla.protocol.order import OrderStatusReply as OrderStatusReply
from galla.protocol.order import OrderStatusRequest as OrderStatusRequest
from galla.protocol.pg_codes import PG_CODES as PG_CODES
from galla.protocol.pg_codes import PgResult as PgResult
from galla.protocol.pg_codes import classify_pg as classify_pg
from galla.protocol.pg_codes import explain_pg as explain_pg
from galla.protocol.pg_envelope import TxnToken as TxnToken
from galla.protocol.qr import QrReply as QrReply
from galla.protocol.qr import QrRequest as QrRequest
from galla.protocol.refund import RefundDetail as RefundDetail
from galla.protocol.refund import RefundReply as RefundReply
from galla.protocol.refund import RefundRequest as RefundRequest
from galla.protocol.refund import RefundStatusReply as RefundStatusReply
from galla.protocol.refund import RefundStatusRequest as RefundStatusRequest
from galla.protocol.theia import TOKEN_LIFE_S as TOKEN_LIFE_S
from galla.protocol.theia import UPI_ANY as UPI_ANY
from galla.protocol.theia import UPI_PUSH as UPI_PUSH
from galla.protocol.theia import BankForm as BankForm
from galla.protocol.theia import DeepLinkInfo as DeepLinkInfo
from galla.protocol.theia import InitiateReply as InitiateReply
from galla.protocol.theia import InitiateRequest as InitiateRequest
from galla.protocol.theia import OptionsReply as OptionsReply
from galla.protocol.theia import OptionsRequest as OptionsRequest
from galla.protocol.theia import PaymentMode as PaymentMode
from galla.protocol.theia import ProcessReply as ProcessReply
from galla.protocol.theia import ProcessRequest as ProcessRequest
from galla.protocol.vpa import VpaReply as VpaReply
from galla.protocol.vpa import VpaRequest as VpaRequest
from galla.protocol.vpa import check_vpa as check_vpa
from galla.protocol.vpa import is_vpa as is_vpa
from galla.protocol.vpa import masked_vpa as masked_vpa
