"""The most common Japanese surnames of two and three kanji, in the forms that people write.

Some are places too (山口, 千葉 are left out only where the place is far more common). Single-kanji
surnames (林, 森) are words, and are only found with an honorific or a label.
"""

from __future__ import annotations

_NAMES = """
佐藤 鈴木 高橋 髙橋 田中 伊藤 渡辺 渡邉 渡邊 渡部 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本
井上 木村 斎藤 斉藤 齋藤 齊藤 清水 山崎 山﨑 阿部 池田 橋本 山下 石川 中島 前田 藤田 後藤 小川 岡田
長谷川 村上 近藤 石井 坂本 遠藤 青木 藤井 西村 福田 太田 三浦 藤原 松田 岡本 中川 中野 原田 小野
田村 竹内 金子 和田 中山 石田 上田 森田 小島 柴田 宮崎 酒井 工藤 横山 宮本 内田 高木 髙木 安藤 谷口
大野 丸山 今井 高田 藤本 武田 村田 上野 杉山 増田 平野 大塚 千葉 久保 松井 小山 岩崎 桜井 櫻井 野口
松尾 野村 木下 菊地 菊池 佐野 大西 杉本 新井 浜田 濱田 市川 古川 水野 小松 島田 小池 桑原 五十嵐
福井 服部 久保田 西田 山内 矢野 安田 川口 平田 本田 岩田 中田 川崎 飯田 吉川 関口 中西 吉村 岩本
松下 福島 上原 大島 永井 松岡 荒木 大久保 熊谷 秋山 内藤 石原 小田 早川 岡崎 西川 田口 奥村 須藤
須田 片山 三宅 黒田 荒井 大谷 川上 石橋 小西 大川 本間 土屋 平井 成田 尾崎 田島 星野 横田 西山 松浦
富田 高山 野田 望月 永田 河野 山中 白石 樋口 広瀬 廣瀬 松村 大石 八木 吉岡 三上 栗原 牧野 関根 沢田
澤田 大橋 堀内 内山 根本 小沢 小澤 大森 北村 馬場 浅野 奥田 杉浦 児玉 川村 北川 荒川 寺田 富永 萩原
天野 青山 黒川 川島 榎本 塚本 飯塚 篠原 稲垣 森本 岡村 古田 村井 吉野 米田 野中 川田 堀田 竹田 篠田
西尾 柏木 河合 神田 村山 矢島 千田 高野 髙野 長尾 滝沢 津田 大山 中尾 岸本 相馬 植田 河村 高島 若林
土井 坂口 宮田 村松 佐久間 小笠原 長野 宇野 福本 三好 堀口 植木 小泉 田辺 田邊 谷川 大竹 藤岡 武藤
手塚 亀井 安部 高瀬 窪田 有馬 水谷 多田 川本 鎌田 今村 古賀 長田 西岡
"""

SURNAMES = frozenset(_NAMES.split())
"""Surnames of two and three kanji."""
